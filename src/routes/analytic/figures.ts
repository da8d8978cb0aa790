/** Sums as figures. A count without rows is 0; a measurement without rows is null. */
import * as z from "zod";
import type { Percentiles, Sums } from "../../db/analytic-period.ts";
import { tokensSchema } from "../message/schema.ts";
import { lazy } from "../../lazy.ts";

/** Milliseconds, or null. */
export const millis = lazy(() =>
  z.int().nullable().meta({ description: "Milliseconds; null where nothing was measured." }),
);

const count = lazy(() => z.int().min(0));

export const turnFigures = lazy(() => ({
  turn_count: count().meta({ description: "Turns that ended. A reply that was made anew counts again." }),
  failed_turns: count(),
  stopped_turns: count(),
  message_count: count().meta({ description: "Messages of these turns that are live now." }),
  messages_by_role: z.object({ user: count(), assistant: count() }),
  deleted_message_count: count().meta({ description: "Messages of these turns that have been deleted since." }),
  avg_response_time_ms: millis(),
  p50_response_time_ms: millis(),
  p95_response_time_ms: millis(),
  usage: tokensSchema().nullable(),
}));

/** Figures of turns. Response times are those of completed turns. */
export function turnView(sums: Sums | undefined, percentiles: Percentiles | undefined) {
  const { turns, failed, stopped, questions, replies, deleted, timed, time } = sums ?? NO_SUMS;
  const user = questions ?? 0;
  const assistant = replies ?? 0;
  return {
    turn_count: turns ?? 0,
    failed_turns: failed ?? 0,
    stopped_turns: stopped ?? 0,
    message_count: user + assistant,
    messages_by_role: { user, assistant },
    deleted_message_count: deleted ?? 0,
    avg_response_time_ms: timed ? Math.round((time ?? 0) / timed) : null,
    p50_response_time_ms: percentiles?.p50 ?? null,
    p95_response_time_ms: percentiles?.p95 ?? null,
    usage: usageView(sums),
  };
}

/** Figures of an agent or a model among others, for which no percentiles are computed. */
export function withoutPercentiles<T extends { p50_response_time_ms: unknown; p95_response_time_ms: unknown }>(
  figures: T,
) {
  const { p50_response_time_ms: _, p95_response_time_ms: __, ...rest } = figures;
  return rest;
}

const sourceFigures = lazy(() =>
  z
    .object({ turn_count: count(), input_tokens: count(), output_tokens: count() })
    .nullable()
    .meta({ description: "Null where no turn was counted in this way." }),
);

export const usageFigures = lazy(() => ({
  ...turnFigures(),
  usage: tokensSchema().nullable().meta({ description: "Both together; `measured` only when all of it is." }),
  measured: sourceFigures(),
  estimated: sourceFigures(),
}));

/** The same figures, and tokens by how they were counted: by the provider, or estimated. */
export function usageFiguresView(sums: Sums | undefined, percentiles?: Percentiles) {
  const of = (turn_count: Sum, input: Sum, output: Sum) =>
    turn_count ? { turn_count, input_tokens: input ?? 0, output_tokens: output ?? 0 } : null;
  const s = sums ?? NO_SUMS;
  return {
    ...turnView(sums, percentiles),
    measured: of(s.measured, s.measured_input, s.measured_output),
    estimated: of(s.estimated, s.estimated_input, s.estimated_output),
  };
}

function usageView(sums: Sums | undefined) {
  if (!sums?.measured && !sums?.estimated) return null;
  return {
    input_tokens: (sums.measured_input ?? 0) + (sums.estimated_input ?? 0),
    output_tokens: (sums.measured_output ?? 0) + (sums.estimated_output ?? 0),
    source: sums.estimated ? ("estimated" as const) : ("measured" as const),
  };
}

type Sum = number | null | undefined;
const NO_SUMS: Partial<Sums> = {};
