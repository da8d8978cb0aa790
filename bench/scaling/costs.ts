/** What operations cost, as `npm run bench` measured them, and what Cloudflare asks for it. */

export type Cost = {
  /** Calls to D1. */
  trips: number;
  d1_read: number;
  d1_written: number;
  /** Rows of the conversation's own SQLite. */
  object_read: number;
  object_written: number;
};

/** A test holds the rows that a turn writes to D1 against the database itself. */
export const COSTS = {
  conversation: { trips: 2, d1_read: 5, d1_written: 10, object_read: 0, object_written: 0 },
  /** Beyond what every turn costs: the object takes the conversation over. */
  first_turn: { trips: 1, d1_read: 9, d1_written: 3, object_read: 14, object_written: 3 },
  /** Both messages go to D1 in one batch, a moment after the reply; turns in quick succession share one. */
  turn: { trips: 1, d1_read: 9, d1_written: 9, object_read: 8, object_written: 9 },
  /** A page of 50 messages. */
  history: { trips: 0, d1_read: 0, d1_written: 0, object_read: 51, object_written: 0 },
  /** A page of 20 conversations, of however many. */
  list: { trips: 1, d1_read: 24, d1_written: 0, object_read: 0, object_written: 0 },
} satisfies Record<string, Cost>;

/** Bytes on disk, with indexes: messages of 120 characters, replies of 110. */
export const SIZES = { d1_conversation: 720, d1_turn: 1_035, object: 44_100, object_turn: 921 };

/** US dollars: Workers Paid, list prices as published on developers.cloudflare.com in 2026. */
export const PRICES = {
  request: 0.3e-6,
  cpu_ms: 0.02e-6,
  object_request: 0.15e-6,
  object_gb_second: 12.5e-6,
  row_read: 0.001e-6,
  row_written: 1e-6,
  d1_gb_month: 0.75,
  object_gb_month: 0.2,
};

/** What a month of Workers Paid (5 dollars) includes. */
export const INCLUDED = {
  request: 10e6,
  cpu_ms: 30e6,
  object_request: 1e6,
  object_gb_second: 400_000,
  row_read: 25e9,
  row_written: 50e6,
  d1_gb_month: 5,
  object_gb_month: 5,
};

/** What nobody has measured yet: how people talk, and how fast production is. */
export const ASSUMED = {
  turns_per_conversation: 6,
  /** Pages of history or lists per turn. */
  pages_per_turn: 1,
  /** Seconds from question to the end of the reply, and how many words it says in each. */
  model_seconds: 3,
  words_a_second: 30,
  /** The busiest minute of a day beside its mean. */
  peak: 3,
  edge_cpu_ms: 3,
  /** Alarms of a conversation's object: after its first turn, and when replays expire. */
  alarms_per_conversation: 2,
  /** Milliseconds that a D1 database is busy with one call. Locally 1.2 for the batch of a turn. */
  d1_ms: 5,
  /** Up to here a database is asked to work; beyond, waiting grows without bounds. */
  d1_busy: 0.7,
};

/** Gigabytes of one D1 database; databases that one Worker can bind. */
export const LIMITS = { d1_gb: 10, bindings: 5_000, account_tb: 1 };
