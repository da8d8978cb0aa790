/** Tables of a conversation's own SQLite, and how their rows become what the engine speaks of. */
import type { Conversation } from "../conversation.ts";
import type { Message } from "../message.ts";
import type { Turn } from "../turn.ts";

/**
 * The journal's tables. `handed_over`: every message up to this sequence is in D1. `titled_by`: the message that the title
 * was taken from. `open`: numbers of the turns that wait or run. `list`: deltas as JSON, the first of them is number `first`.
 * `outbox`: further changes that D1 has yet to confirm.
 * There are as few indexes as can be: every turn would write their entries.
 */
export const SCHEMA = `
CREATE TABLE version (number INTEGER NOT NULL);
CREATE TABLE header (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  id TEXT NOT NULL, company_id TEXT NOT NULL, agent_id TEXT NOT NULL,
  entity_type TEXT NOT NULL, entity_id TEXT NOT NULL,
  title TEXT NOT NULL, metadata TEXT NOT NULL, max_context_length INTEGER NOT NULL, status TEXT NOT NULL,
  message_count INTEGER NOT NULL, last_message_at INTEGER,
  created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, deleted_at INTEGER, deleted_by TEXT, erased_at INTEGER,
  next_sequence INTEGER NOT NULL, next_turn INTEGER NOT NULL, handed_over INTEGER NOT NULL, titled_by TEXT,
  open TEXT NOT NULL DEFAULT '[]'
);
CREATE TABLE turn (
  number INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE, principal TEXT NOT NULL, idempotency_key TEXT, body_hash TEXT NOT NULL, status TEXT NOT NULL,
  user_message_id TEXT NOT NULL, reply_id TEXT NOT NULL, content TEXT, metadata TEXT NOT NULL,
  user_sequence INTEGER, reply_sequence INTEGER, window_start INTEGER,
  event_base INTEGER NOT NULL, last_event INTEGER, error TEXT,
  created_at INTEGER NOT NULL, started_at INTEGER, ended_at INTEGER, output_schema TEXT
);
CREATE UNIQUE INDEX turn_key ON turn (principal, idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE TABLE message (
  sequence INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE, turn_id TEXT NOT NULL, role TEXT NOT NULL, content TEXT NOT NULL, status TEXT NOT NULL,
  model_used TEXT, processing_time REAL, input_tokens INTEGER, output_tokens INTEGER, usage_source TEXT,
  metadata TEXT NOT NULL, tool_calls TEXT, feedback TEXT, created_at INTEGER NOT NULL,
  deleted_at INTEGER, deleted_by TEXT, deletion_id TEXT, purged_at INTEGER, details TEXT
);
CREATE TABLE deltas (turn INTEGER NOT NULL, first INTEGER NOT NULL, list TEXT NOT NULL, PRIMARY KEY (turn, first)) WITHOUT ROWID;
CREATE TABLE summary (upto INTEGER PRIMARY KEY, text TEXT NOT NULL);
CREATE TABLE outbox (id INTEGER PRIMARY KEY AUTOINCREMENT, change TEXT NOT NULL);
`;

/**
 * What leads from each version of the tables to the next: an object that was made by an older Worker takes the steps that
 * it lacks when it wakes. Steps are only ever added, each together with its change of SCHEMA.
 */
export const STEPS: readonly string[] = [
  `ALTER TABLE header ADD COLUMN open TEXT NOT NULL DEFAULT '[]';
   UPDATE header SET open = (SELECT json_group_array(number) FROM turn WHERE status IN ('queued', 'running'));
   DROP INDEX turn_open;
   DROP INDEX message_context;
   CREATE TABLE deltas (
     turn INTEGER NOT NULL, first INTEGER NOT NULL, list TEXT NOT NULL, PRIMARY KEY (turn, first)
   ) WITHOUT ROWID;
   INSERT INTO deltas SELECT turn, min(n), json_group_array(json_object('n', n, 'text', text, 'tool', json(tool)))
     FROM (SELECT * FROM delta ORDER BY turn, n) GROUP BY turn;
   DROP TABLE delta;`,
  "ALTER TABLE message ADD COLUMN details TEXT;",
  "ALTER TABLE turn ADD COLUMN output_schema TEXT;",
];

/** The version of SCHEMA. */
export const VERSION = STEPS.length + 1;

export type Header = Conversation & {
  next_sequence: number;
  next_turn: number;
  handed_over: number;
  titled_by: string | null;
  open: number[];
};

type Row = Record<string, SqlStorageValue>;

export const toHeader = ({ one: _, ...row }: Row): Header =>
  ({ ...row, metadata: jsonOf(row["metadata"]), open: parsed(row["open"]) }) as unknown as Header;

export const toTurn = (row: Row): Turn =>
  ({
    ...row,
    metadata: jsonOf(row["metadata"]),
    error: parsed(row["error"]),
    output_schema: parsed(row["output_schema"]),
  }) as unknown as Turn;

export const toMessage = (row: Row): Message =>
  ({
    ...row,
    metadata: jsonOf(row["metadata"]),
    tool_calls: parsed(row["tool_calls"]),
    feedback: parsed(row["feedback"]),
    details: parsed(row["details"]),
  }) as unknown as Message;

/** Most metadata is empty. */
const jsonOf = (value: SqlStorageValue | undefined) => (value === "{}" ? {} : JSON.parse(String(value)));
const parsed = (value: SqlStorageValue | undefined) => (value ? JSON.parse(String(value)) : null);

/** Values in the order of their columns; objects as JSON. */
export const bindable = (value: unknown): SqlStorageValue =>
  value !== null && typeof value === "object" ? JSON.stringify(value) : (value as SqlStorageValue);

/** What the journal keeps of a row that D1 may have more columns of. */
export const HEADER_MEMBERS = [
  "id",
  "company_id",
  "agent_id",
  "entity_type",
  "entity_id",
  "title",
  "metadata",
  "max_context_length",
  "status",
  "message_count",
  "last_message_at",
  "created_at",
  "updated_at",
  "deleted_at",
  "deleted_by",
  "erased_at",
] as const satisfies (keyof Conversation)[];

export const MESSAGE_MEMBERS = [
  "sequence",
  "id",
  "turn_id",
  "role",
  "content",
  "status",
  "model_used",
  "processing_time",
  "input_tokens",
  "output_tokens",
  "usage_source",
  "metadata",
  "tool_calls",
  "feedback",
  "created_at",
  "deleted_at",
  "deleted_by",
  "deletion_id",
  "purged_at",
  "details",
] as const satisfies (keyof Message)[];

export const pick = <T, K extends keyof T>(row: T, members: readonly K[]): Pick<T, K> =>
  Object.fromEntries(members.map((member) => [member, row[member]])) as Pick<T, K>;
