/** Sums as figures. A count without rows is 0; a measurement without rows is null. */
import * as z from "zod";
import type { Timed } from "../../db/analytic-cell.ts";
import type { Cost } from "../../chat/money.ts";
import type { Percentiles, Sums } from "../../db/analytic-period.ts";
import { decimalOfSums } from "../../db/cost.ts";
import type { Measured } from "../../db/measures.ts";
import { orNull } from "../../http/fields.ts";
import { tokensSchema } from "../message/schema.ts";
import { lazy } from "../../lazy.ts";

/** Milliseconds, or null. */
export const millis = lazy(() =>
  z.int().nullable().meta({ description: "Milliseconds; null where nothing was measured." }),
);

const count = lazy(() => z.int().min(0));
const rate = lazy(() => z.number().min(0).max(1).nullable());

const percentile = (rank: number, of: string) =>
  millis().meta({ description: `The ${rank}th percentile ${of}, within 1 %; null where nothing was measured.` });

export const turnFigures = lazy(() => ({
  turn_count: count().meta({ description: "Turns that ended. A reply that was made anew counts again." }),
  failed_turns: count(),
  failure_rate: rate().meta({ description: "Share of the turns; null without any." }),
  stopped_turns: count(),
  stop_rate: rate(),
  message_count: count().meta({ description: "Messages of these turns that are live now." }),
  messages_by_role: z.object({ user: count(), assistant: count() }),
  deleted_message_count: count().meta({ description: "Messages of these turns that have been deleted since." }),
  avg_response_time_ms: millis(),
  p50_response_time_ms: percentile(50, "of completed turns"),
  p95_response_time_ms: percentile(95, "of completed turns"),
  usage: orNull(tokensSchema()),
  feedback: z
    .object({ up: count(), down: count(), rate: rate(), up_rate: rate() })
    .meta({ description: "Ratings of these turns' replies: `rate` is the share that was rated, `up_rate` of those." }),
  hand_overs: count().meta({ description: "Turns in which the agent asked for a person." }),
  hand_over_rate: rate(),
  staff_replies: count().meta({ description: "Messages that people wrote in place of an agent." }),
  first_staff_replies: count().meta({
    description: "Those of them that were the first after the agent asked for a person, or a person took over.",
  }),
  avg_first_staff_reply_ms: millis().meta({ description: "For how long such a first reply was waited for." }),
  p50_first_staff_reply_ms: percentile(50, "of that"),
  p95_first_staff_reply_ms: percentile(95, "of that"),
}));

/** Percentiles of response times, and of waits for a person. */
export type Times = Partial<Record<Timed, Percentiles>>;

/** Figures of turns. Response times are those of completed turns. */
export function turnView(sums: Sums | undefined, { turn, wait }: Times = {}) {
  const s = sums ?? NO_SUMS;
  const turns = s.turns ?? 0;
  const of = (part: Sum, whole: number) => (whole === 0 ? null : (part ?? 0) / whole);
  const mean = (sum: Sum, n: Sum) => (n ? Math.round((sum ?? 0) / n) : null);
  const user = s.questions ?? 0;
  const assistant = s.replies ?? 0;
  const up = s.rated_up ?? 0;
  const down = s.rated_down ?? 0;
  return {
    turn_count: turns,
    failed_turns: s.failed ?? 0,
    failure_rate: of(s.failed, turns),
    stopped_turns: s.stopped ?? 0,
    stop_rate: of(s.stopped, turns),
    message_count: user + assistant,
    messages_by_role: { user, assistant },
    deleted_message_count: s.deleted ?? 0,
    avg_response_time_ms: mean(s.time, s.timed),
    p50_response_time_ms: turn?.p50 ?? null,
    p95_response_time_ms: turn?.p95 ?? null,
    usage: usageView(sums),
    feedback: { up, down, rate: of(up + down, turns), up_rate: of(up, up + down) },
    hand_overs: s.handed_over ?? 0,
    hand_over_rate: of(s.handed_over, turns),
    staff_replies: s.staff_replies ?? 0,
    first_staff_replies: s.waits ?? 0,
    avg_first_staff_reply_ms: mean(s.waited, s.waits),
    p50_first_staff_reply_ms: wait?.p50 ?? null,
    p95_first_staff_reply_ms: wait?.p95 ?? null,
  };
}

const PERCENTILES = [
  ...(["p50_response_time_ms", "p95_response_time_ms"] as const),
  ...(["p50_first_staff_reply_ms", "p95_first_staff_reply_ms"] as const),
] as const;

/** Figures of an agent or a model among others, for which no percentiles are computed. */
export function withoutPercentiles<T extends Record<(typeof PERCENTILES)[number], unknown>>(
  figures: T,
): Omit<T, (typeof PERCENTILES)[number]> {
  const rest = { ...figures };
  for (const name of PERCENTILES) delete (rest as Partial<T>)[name];
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
  usage: orNull(tokensSchema()).meta({ description: "Both together; `measured` only when all of it is." }),
  measured: sourceFigures(),
  estimated: sourceFigures(),
}));

/** The same figures, and tokens by how they were counted: by the provider, or estimated. */
export function usageFiguresView(sums: Sums | undefined, times?: Times) {
  const of = (turn_count: Sum, input: Sum, output: Sum) =>
    turn_count ? { turn_count, input_tokens: input ?? 0, output_tokens: output ?? 0 } : null;
  const s = sums ?? NO_SUMS;
  return {
    ...turnView(sums, times),
    measured: of(s.measured, s.measured_input, s.measured_output),
    estimated: of(s.estimated, s.estimated_input, s.estimated_output),
  };
}

function usageView(sums: Sums | undefined) {
  if (!sums?.measured && !sums?.estimated) return null;
  return {
    input_tokens: (sums.measured_input ?? 0) + (sums.estimated_input ?? 0),
    cached_input_tokens: sums.cache_known ? (sums.cached ?? 0) : null,
    output_tokens: (sums.measured_output ?? 0) + (sums.estimated_output ?? 0),
    source: sums.estimated ? ("estimated" as const) : ("measured" as const),
    cost: costOfSums(sums),
  };
}

/** Null where a part of it has no price, or there are several currencies. */
export function costOfSums(sums: Partial<Measured>): Cost | null {
  const { unpriced, cost_whole, cost_fraction, currency_first: currency, currency_last } = sums;
  if (unpriced || !currency || currency !== currency_last) return null;
  return { amount: decimalOfSums(cost_whole ?? 0, cost_fraction ?? 0), currency };
}

type Sum = number | null | undefined;
const NO_SUMS: Partial<Sums> = {};
