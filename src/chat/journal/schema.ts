/** Tables of a conversation's own SQLite, and how their rows become what the engine speaks of. */
import type { Principal } from "../../auth/principal.ts";
import type { Conversation } from "../conversation.ts";
import type { Message } from "../message.ts";
import type { Turn } from "../turn.ts";
import type { SqlRow, SqlValue } from "./storage.ts";

/**
 * The journal's tables, with as few indexes as can be: every turn would write their entries. Those that most conversations
 * never need are in RARE.
 *
 * - `header`: the conversation, who has it, up to which sequence each side has read, and when (ms) the agent gets it back.
 *   `revision` counts what D1 has to hear of, and `recorded` is the one that D1 has confirmed last; `edits` counts what changed
 *   the text that a model may be shown. `handed_over`: every message up to this sequence is in D1. `indexed`: every message up
 *   to this sequence was sent to the search index, as of a conversation that was `indexed_as`. `open`: numbers of the turns that
 *   wait or run, in order of arrival. `answered`: the newest turn whose answer reached its client. `titled_by`: the message that
 *   the title is from. `admitted`: credentials that were admitted here, for when D1 is away. `awaited_since`: since when (ms) a
 *   person has not answered yet.
 * - `turn`: its id is the least of its three; `user_message_id` and `reply_id` were made right after it.
 * - `agent`: the agent as D1 last had it.
 * - `outbox`: changes that D1 has yet to confirm. `reindex`: messages of which the search index has to hear again.
 * - `rerun`: replies made anew, by the key that asked for each.
 * - `message_id`: messages whose id does not lead to their turn that way (imported ones, replies made anew).
 * - `block`: how much is live of the messages 1–256, 257–512 …, once such a block is full.
 * - `deltas`: pieces of recent replies as JSON, `first` being the number of the first in a row.
 * - `summary`: what the messages up to `upto` said, for a window that they are too old for.
 * - `note`: what staff writes for staff, and a model that asks for a person: that is of the messages up to `upto`.
 * - `handling`: who had the conversation from when on, and why.
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
  open TEXT NOT NULL DEFAULT '[]',
  revision INTEGER NOT NULL DEFAULT 0, edits INTEGER NOT NULL DEFAULT 0, answered INTEGER NOT NULL DEFAULT 0, hold TEXT,
  handled_by TEXT NOT NULL DEFAULT 'agent', handler_id TEXT, handler_name TEXT, waiting_since INTEGER,
  last_read_lead INTEGER NOT NULL DEFAULT 0, last_read_staff INTEGER NOT NULL DEFAULT 0, return_at INTEGER,
  recorded INTEGER NOT NULL DEFAULT 0, indexed INTEGER NOT NULL DEFAULT 0, indexed_as TEXT NOT NULL DEFAULT '',
  admitted TEXT NOT NULL DEFAULT '[]',
  awaited_since INTEGER
);
CREATE TABLE turn (
  number INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE, principal TEXT NOT NULL, idempotency_key TEXT, body_hash TEXT NOT NULL, status TEXT NOT NULL,
  user_message_id TEXT NOT NULL, reply_id TEXT NOT NULL, content TEXT, metadata TEXT NOT NULL,
  user_sequence INTEGER, reply_sequence INTEGER, window_start INTEGER,
  event_base INTEGER NOT NULL, last_event INTEGER, error TEXT,
  created_at INTEGER NOT NULL, started_at INTEGER, ended_at INTEGER, output_schema TEXT, delta_length INTEGER, kind TEXT
);
CREATE UNIQUE INDEX turn_key ON turn (principal, idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE TABLE message (
  sequence INTEGER PRIMARY KEY,
  id TEXT NOT NULL, turn_id TEXT NOT NULL, role TEXT NOT NULL, content TEXT NOT NULL, status TEXT NOT NULL,
  model_used TEXT, processing_time REAL, input_tokens INTEGER, output_tokens INTEGER, usage_source TEXT,
  metadata TEXT NOT NULL, tool_calls TEXT, feedback TEXT, created_at INTEGER NOT NULL,
  deleted_at INTEGER, deleted_by TEXT, deletion_id TEXT, purged_at INTEGER, details TEXT, author TEXT,
  cached_input_tokens INTEGER, cost TEXT
);
CREATE TABLE agent (one INTEGER PRIMARY KEY CHECK (one = 1), value TEXT NOT NULL, at INTEGER NOT NULL);
`;

/**
 * Tables that most conversations never need: each is made when something is first added to it, see rare-table.ts. A step that
 * changes one makes it first where it is not there, as it was before that step.
 */
export const RARE = {
  outbox: "CREATE TABLE outbox (id INTEGER PRIMARY KEY AUTOINCREMENT, change TEXT NOT NULL)",
  rerun: `CREATE TABLE rerun (
  principal TEXT NOT NULL, key TEXT NOT NULL, body_hash TEXT NOT NULL, turn_id TEXT NOT NULL, reply_id TEXT NOT NULL,
  at INTEGER NOT NULL, PRIMARY KEY (principal, key)
) WITHOUT ROWID`,
  message_id: "CREATE TABLE message_id (id TEXT PRIMARY KEY, sequence INTEGER NOT NULL) WITHOUT ROWID",
  block: "CREATE TABLE block (number INTEGER PRIMARY KEY, live INTEGER NOT NULL, users INTEGER NOT NULL)",
  deltas:
    "CREATE TABLE deltas (turn INTEGER NOT NULL, first INTEGER NOT NULL, list TEXT NOT NULL, PRIMARY KEY (turn, first)) WITHOUT ROWID",
  summary: "CREATE TABLE summary (upto INTEGER PRIMARY KEY, text TEXT NOT NULL)",
  note: "CREATE TABLE note (id TEXT PRIMARY KEY, at INTEGER NOT NULL, entity_id TEXT, name TEXT, text TEXT NOT NULL, upto INTEGER) WITHOUT ROWID",
  handling: `CREATE TABLE handling (
  number INTEGER PRIMARY KEY, at INTEGER NOT NULL, action TEXT NOT NULL, entity_id TEXT, name TEXT, reason TEXT
)`,
  reindex: "CREATE TABLE reindex (id INTEGER PRIMARY KEY AUTOINCREMENT, first INTEGER NOT NULL, last INTEGER NOT NULL)",
} as const;

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
  `ALTER TABLE header ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;
   ALTER TABLE header ADD COLUMN edits INTEGER NOT NULL DEFAULT 0;
   ALTER TABLE header ADD COLUMN answered INTEGER NOT NULL DEFAULT 0;
   ALTER TABLE turn ADD COLUMN delta_length INTEGER;
   CREATE TABLE message_id (id TEXT PRIMARY KEY, sequence INTEGER NOT NULL) WITHOUT ROWID;
   INSERT INTO message_id SELECT id, sequence FROM message;
   CREATE TABLE new_message (
     sequence INTEGER PRIMARY KEY,
     id TEXT NOT NULL, turn_id TEXT NOT NULL, role TEXT NOT NULL, content TEXT NOT NULL, status TEXT NOT NULL,
     model_used TEXT, processing_time REAL, input_tokens INTEGER, output_tokens INTEGER, usage_source TEXT,
     metadata TEXT NOT NULL, tool_calls TEXT, feedback TEXT, created_at INTEGER NOT NULL,
     deleted_at INTEGER, deleted_by TEXT, deletion_id TEXT, purged_at INTEGER, details TEXT
   );
   INSERT INTO new_message SELECT * FROM message;
   DROP TABLE message;
   ALTER TABLE new_message RENAME TO message;
   CREATE TABLE block (number INTEGER PRIMARY KEY, live INTEGER NOT NULL, users INTEGER NOT NULL);
   INSERT INTO block SELECT (sequence - 1) / 256 AS number, sum(deleted_at IS NULL),
     sum(deleted_at IS NULL AND role = 'user') FROM message GROUP BY number HAVING count(*) = 256;
   CREATE TABLE agent (one INTEGER PRIMARY KEY CHECK (one = 1), value TEXT NOT NULL, at INTEGER NOT NULL);
   CREATE TABLE rerun (
     principal TEXT NOT NULL, key TEXT NOT NULL, body_hash TEXT NOT NULL, turn_id TEXT NOT NULL, reply_id TEXT NOT NULL,
     at INTEGER NOT NULL, PRIMARY KEY (principal, key)
   ) WITHOUT ROWID;`,
  "ALTER TABLE header ADD COLUMN hold TEXT;",
  `ALTER TABLE header ADD COLUMN handled_by TEXT NOT NULL DEFAULT 'agent';
   ALTER TABLE header ADD COLUMN handler_id TEXT;
   ALTER TABLE header ADD COLUMN handler_name TEXT;
   ALTER TABLE header ADD COLUMN waiting_since INTEGER;
   ALTER TABLE header ADD COLUMN last_read_lead INTEGER NOT NULL DEFAULT 0;
   ALTER TABLE header ADD COLUMN last_read_staff INTEGER NOT NULL DEFAULT 0;
   ALTER TABLE header ADD COLUMN return_at INTEGER;
   UPDATE header SET last_read_lead = max(0, next_sequence - 1), last_read_staff = max(0, next_sequence - 1);
   ALTER TABLE turn ADD COLUMN kind TEXT;
   ALTER TABLE message ADD COLUMN author TEXT;
   CREATE TABLE note (
     id TEXT PRIMARY KEY, at INTEGER NOT NULL, entity_id TEXT, name TEXT, text TEXT NOT NULL
   ) WITHOUT ROWID;
   CREATE TABLE handling (
     number INTEGER PRIMARY KEY, at INTEGER NOT NULL, action TEXT NOT NULL, entity_id TEXT, name TEXT, reason TEXT
   );`,
  `ALTER TABLE header ADD COLUMN recorded INTEGER NOT NULL DEFAULT 0;
   ALTER TABLE header ADD COLUMN indexed INTEGER NOT NULL DEFAULT 0;
   ALTER TABLE header ADD COLUMN indexed_as TEXT NOT NULL DEFAULT '';
   UPDATE header SET recorded = revision;
   CREATE TABLE reindex (id INTEGER PRIMARY KEY AUTOINCREMENT, first INTEGER NOT NULL, last INTEGER NOT NULL);`,
  `ALTER TABLE message ADD COLUMN cached_input_tokens INTEGER;
   ALTER TABLE message ADD COLUMN cost TEXT;`,
  "ALTER TABLE header ADD COLUMN admitted TEXT NOT NULL DEFAULT '[]';",
  `ALTER TABLE header ADD COLUMN awaited_since INTEGER;
   ALTER TABLE note ADD COLUMN upto INTEGER;`,
];

/** The version of SCHEMA. */
export const VERSION = STEPS.length + 1;

/** What D1 knows nothing of, of a conversation without messages. */
export const NEW_HEADER = {
  ...{ next_turn: 1, handed_over: 0, titled_by: null, open: [], edits: 0, answered: 0, return_at: null },
  ...{ last_read_lead: 0, last_read_staff: 0, indexed: 0, indexed_as: "", admitted: [], awaited_since: null },
} satisfies Partial<Header>;

export type Header = Omit<Conversation, "unread_lead" | "unread_staff"> & {
  next_sequence: number;
  next_turn: number;
  handed_over: number;
  titled_by: string | null;
  open: readonly number[];
  edits: number;
  answered: number;
  last_read_lead: number;
  last_read_staff: number;
  return_at: number | null;
  recorded: number;
  indexed: number;
  indexed_as: string;
  admitted: readonly AdmittedRow[];
  awaited_since: number | null;
};

/** A credential that was admitted, as its SHA-256 (base64url), and whom it stands for; without the credential itself. */
type AdmittedRow = { hash: string; principal: Omit<Principal, "credential"> };

export const toHeader = ({ one: _, ...row }: SqlRow): Header =>
  ({
    ...row,
    metadata: JSON.parse(String(row["metadata"])),
    open: JSON.parse(String(row["open"])),
    admitted: JSON.parse(String(row["admitted"])),
    hold: parsed(row["hold"]),
  }) as unknown as Header;

export const toTurn = (row: SqlRow): Turn =>
  ({
    ...row,
    metadata: jsonOf(row["metadata"]),
    error: parsed(row["error"]),
    output_schema: parsed(row["output_schema"]),
  }) as unknown as Turn;

export const toMessage = (row: SqlRow): Message =>
  ({
    ...row,
    metadata: jsonOf(row["metadata"]),
    tool_calls: parsed(row["tool_calls"]),
    feedback: parsed(row["feedback"]),
    details: parsed(row["details"]),
    author: parsed(row["author"]),
    cost: parsed(row["cost"]),
  }) as unknown as Message;

/** Most metadata is empty. */
const jsonOf = (value: SqlValue | undefined) => (value === "{}" ? {} : JSON.parse(String(value)));
const parsed = (value: SqlValue | undefined) => (value ? JSON.parse(String(value)) : null);

/** Values in the order of their columns; objects as JSON. */
export const bindable = (value: unknown): SqlValue =>
  value !== null && typeof value === "object" ? JSON.stringify(value) : (value as SqlValue);

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
  "hold",
  "revision",
  "handled_by",
  "handler_id",
  "handler_name",
  "waiting_since",
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
  "author",
  "cached_input_tokens",
  "cost",
] as const satisfies (keyof Message)[];

export const pick = <T, K extends keyof T>(row: T, members: readonly K[]): Pick<T, K> =>
  Object.fromEntries(members.map((member) => [member, row[member]])) as Pick<T, K>;
