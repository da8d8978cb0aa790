/**
 * Tables of a ledger's own SQLite. Units are text: integers of any size.
 *
 * - `known`: the company's time zone, and when it and the budgets were read from D1.
 * - `counter`: of one budget (and one lead, `scope`, where it is of each), for the period from `start` to `until`. `counted`:
 *   see COUNTED in counters.ts.
 * - `reservation`: calls under way. `warning`: events that D1 has yet to hear of.
 */
export const SCHEMA = `
CREATE TABLE IF NOT EXISTS known (one INTEGER PRIMARY KEY CHECK (one = 1), time_zone TEXT NOT NULL, at INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS budget (id TEXT PRIMARY KEY, value TEXT NOT NULL, since INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS counter (
  budget_id TEXT NOT NULL, scope TEXT NOT NULL, start INTEGER NOT NULL, until INTEGER NOT NULL, used TEXT NOT NULL,
  reserved TEXT NOT NULL, counted INTEGER NOT NULL, warned INTEGER NOT NULL, PRIMARY KEY (budget_id, scope, start)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS counter_until ON counter (until);
CREATE TABLE IF NOT EXISTS reservation (key TEXT PRIMARY KEY, expires_at INTEGER NOT NULL, parts TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS reservation_expiry ON reservation (expires_at);
CREATE TABLE IF NOT EXISTS warning (id TEXT PRIMARY KEY, at INTEGER NOT NULL, data TEXT NOT NULL) WITHOUT ROWID;
`;
