/** The rows of each kind of export. They are flat, to fit a table, and have no text of messages. */
import * as z from "zod";
import { agentBatches, conversationBatches, leadBatches, type Scope, usageBatches } from "../../db/analytic-export.ts";
import type { Database } from "../../db/database.ts";
import { id, timestamp, toTimestamp, toTimestampOrNull } from "../../http/fields.ts";
import type { Cell } from "./csv.ts";
import { turnView } from "./figures.ts";
import { lazy } from "../../lazy.ts";

export type ExportType = "conversations" | "leads" | "agents" | "usage";
export type Row = Record<string, Cell>;

const count = lazy(() => z.int().min(0));
const millis = lazy(() => z.int().nullable());
const share = lazy(() => z.number().min(0).max(1).nullable());
const optional = lazy(() => z.string().nullable());
const source = lazy(() => z.enum(["measured", "estimated"]).nullable());

/** The members of a row, in the order of the columns. */
export const EXPORT_ROWS = lazy(
  () =>
    ({
      conversations: z
        .object({
          id: id(),
          agent_id: id(),
          entity_type: z.enum(["user", "lead"]),
          entity_id: id(),
          title: z.string(),
          status: z.enum(["active", "archived"]),
          message_count: count(),
          max_context_length: count(),
          last_message_at: timestamp().nullable(),
          created_at: timestamp(),
          updated_at: timestamp(),
        })
        .meta({ id: "ExportedConversation" }),
      leads: z
        .object({
          id: id(),
          agent_id: id().nullable(),
          external_id: optional(),
          first_name: optional(),
          last_name: optional(),
          email: optional(),
          phone: optional(),
          source: optional(),
          consent_data_processing_at: timestamp().nullable(),
          consent_marketing_at: timestamp().nullable(),
          created_at: timestamp(),
          updated_at: timestamp(),
        })
        .meta({ id: "ExportedLead" }),
      agents: z
        .object({
          id: id(),
          name: z.string(),
          model: z.string(),
          status: z.enum(["active", "inactive"]),
          created_at: timestamp(),
          turn_count: count(),
          failed_turns: count(),
          stopped_turns: count(),
          message_count: count(),
          deleted_message_count: count(),
          avg_response_time_ms: millis(),
          p50_response_time_ms: millis(),
          p95_response_time_ms: millis(),
          input_tokens: count().nullable(),
          output_tokens: count().nullable(),
          usage_source: source(),
          rated_up: count(),
          rated_down: count(),
          failure_rate: share(),
          stop_rate: share(),
          hand_overs: count(),
          hand_over_rate: share(),
          staff_replies: count(),
          first_staff_replies: count(),
          avg_first_staff_reply_ms: millis(),
          p50_first_staff_reply_ms: millis(),
          p95_first_staff_reply_ms: millis(),
        })
        .meta({ id: "ExportedAgent" }),
      usage: z
        .object({
          date: z.iso.date(),
          agent_id: id(),
          agent_name: optional(),
          model_used: optional(),
          source: source(),
          turn_count: count(),
          input_tokens: count().nullable(),
          output_tokens: count().nullable(),
        })
        .meta({ id: "ExportedUsage" }),
    }) satisfies Record<ExportType, z.ZodObject>,
);

type RowOf<T extends ExportType> = z.output<ReturnType<typeof EXPORT_ROWS>[T]>;

export const columnsOf = (type: ExportType): string[] => Object.keys(EXPORT_ROWS()[type].shape);

/** The rows of an export, in batches. A batch is read from D1 when the consumer asks for it. */
export async function* exportBatches(db: Database, type: ExportType, scope: Scope): AsyncGenerator<Row[]> {
  switch (type) {
    case "conversations":
      for await (const rows of conversationBatches(db, scope)) yield rows.map(conversationRow);
      return;
    case "leads":
      for await (const rows of leadBatches(db, scope)) yield rows.map(leadRow);
      return;
    case "agents":
      for await (const rows of agentBatches(db, scope)) yield rows.map(agentRow);
      return;
    case "usage":
      for await (const rows of usageBatches(db, scope)) yield rows satisfies RowOf<"usage">[];
  }
}

type Batch<G extends (db: Database, scope: Scope) => AsyncGenerator<unknown[]>> =
  ReturnType<G> extends AsyncGenerator<(infer T)[]> ? T : never;

const conversationRow = (row: Batch<typeof conversationBatches>): RowOf<"conversations"> => ({
  id: row.id,
  agent_id: row.agent_id,
  entity_type: row.entity_type,
  entity_id: row.entity_id,
  title: row.title,
  status: row.status,
  message_count: row.message_count,
  max_context_length: row.max_context_length,
  last_message_at: toTimestampOrNull(row.last_message_at),
  created_at: toTimestamp(row.created_at),
  updated_at: toTimestamp(row.updated_at),
});

const leadRow = (row: Batch<typeof leadBatches>): RowOf<"leads"> => ({
  id: row.id,
  agent_id: row.agent_id,
  external_id: row.external_id,
  first_name: row.first_name,
  last_name: row.last_name,
  email: row.email,
  phone: row.phone,
  source: row.source,
  consent_data_processing_at: toTimestampOrNull(row.consent_data_processing_at),
  consent_marketing_at: toTimestampOrNull(row.consent_marketing_at),
  created_at: toTimestamp(row.created_at),
  updated_at: toTimestamp(row.updated_at),
});

function agentRow({ sums, times, created_at, ...row }: Batch<typeof agentBatches>): RowOf<"agents"> {
  const { usage, messages_by_role: _, feedback, ...figures } = turnView(sums, times);
  const tokens = {
    input_tokens: usage?.input_tokens ?? null,
    output_tokens: usage?.output_tokens ?? null,
    usage_source: usage?.source ?? null,
  };
  const ratings = { rated_up: feedback.up, rated_down: feedback.down };
  const all = { ...row, created_at: toTimestamp(created_at), ...figures, ...tokens, ...ratings };
  const inOrder = Object.keys(EXPORT_ROWS().agents.shape) as (keyof typeof all)[];
  return Object.fromEntries(inOrder.map((name) => [name, all[name]])) as RowOf<"agents">;
}
