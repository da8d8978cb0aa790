/** Copies, compares and deletes all rows of one company in a D1 database. Each can be repeated. */
import { CONTROL, type Home } from "../../db/database.ts";

type Row = Record<string, unknown>;
type Table = { name: string; /** The order in which its rows are read; unique within a company. */ key: string[] };

/** Tables that are small or have an index on company_id and the key. */
const TABLES: Table[] = [
  { name: "user", key: ["issuer", "subject"] },
  { name: "agent", key: ["id"] },
  { name: "model_provider", key: ["name"] },
  { name: "model_price", key: ["model"] },
  { name: "budget", key: ["id"] },
  { name: "lead", key: ["created_at", "id"] },
  { name: "erasure", key: ["id"] },
];
const AUDIT: Table = { name: "audit_event", key: ["sequence"] };
const SEALS: Table = { name: "audit_seal", key: ["first_sequence"] };
/** Written last: where there is a webhook, a row that arrives is an event. */
const WEBHOOKS: Table[] = [
  { name: "webhook_event", key: ["at", "id"] },
  { name: "webhook_delivery", key: ["webhook_id", "id"] },
  { name: "webhook", key: ["id"] },
];
const CONVERSATION: Table = { name: "conversation", key: ["created_at", "id"] };

/** Rows of one read. */
const PAGE = 200;
/** Conversations whose messages are copied, compared or deleted together. */
const CONVERSATIONS = 20;
/** Statements of one batch, and UTF-16 code units of text in them. */
const STATEMENTS = 100;
const TEXT = 500_000;
/** Rows of one DELETE. */
const DELETED_ROWS = 500;

/** Every table that a database needs for a company to move there. */
export const COMPANY_TABLES: ReadonlySet<string> = new Set(
  [...TABLES, ...WEBHOOKS, AUDIT, SEALS, CONVERSATION]
    .map((table) => table.name)
    .concat("message", "tally", "departed", "rollup", "rollup_span", "rollup_due"),
);

/** Whether both databases have the same tables, so that rows can be copied. */
export async function hasMigrationsOf(model: D1Database, other: D1Database): Promise<boolean> {
  const tables = async (d1: D1Database) => {
    const sql = `SELECT name, sql FROM sqlite_master WHERE type = 'table' ORDER BY name`;
    const { results } = await d1.prepare(sql).all<{ name: string; sql: string }>();
    return JSON.stringify(results.filter(({ name }) => COMPANY_TABLES.has(name)));
  };
  return (await tables(model)) === (await tables(other));
}

/** Copies and compares all rows of the company, which must not change meanwhile. Throws where the copies differ. */
export async function copyAll(from: Home, to: Home, company_id: string): Promise<void> {
  // Audit rows of the control database stay there: the list of audit events reads both databases.
  for (const table of from.name === CONTROL ? TABLES : [...TABLES, AUDIT, ...sealsFor(to)]) {
    for await (const rows of pages(from.d1, table, company_id, PAGE)) {
      await write(to.d1, table.name, table === AUDIT && to.name === CONTROL ? rows.map(unnumbered) : rows);
    }
    await compare(from, to, table, company_id);
  }
  for await (const rows of pages(from.d1, CONVERSATION, company_id, CONVERSATIONS)) {
    await write(to.d1, CONVERSATION.name, rows);
    await copyMessages(
      from.d1,
      to.d1,
      rows.map((row) => String(row["id"])),
    );
  }
  await compare(from, to, CONVERSATION, company_id);
  for (const table of WEBHOOKS) {
    for await (const rows of pages(from.d1, table, company_id, PAGE)) await write(to.d1, table.name, rows);
    await compare(from, to, table, company_id);
  }
}

/**
 * The control database has audit of the company itself, with numbers and seals: what comes back to it is numbered behind
 * that, and sealed anew.
 */
const sealsFor = (to: Home): Table[] => (to.name === CONTROL ? [] : [SEALS]);
const unnumbered = (row: Row): Row => ({ ...row, sequence: null });

/** The rows of a table, in pages. */
async function* pages(d1: D1Database, { name, key }: Table, company_id: string, limit: number): AsyncGenerator<Row[]> {
  const columns = key.join(", ");
  for (let last: Row | undefined; ;) {
    const after = last;
    const beyond = after ? `AND (${columns}) > (${key.map(() => "?").join(", ")})` : "";
    const { results } = await d1
      .prepare(`SELECT * FROM "${name}" WHERE company_id = ? ${beyond} ORDER BY ${columns} LIMIT ${limit}`)
      .bind(company_id, ...(after ? key.map((column) => after[column]) : []))
      .all();
    if (results.length > 0) yield results;
    last = results.at(-1);
    if (results.length < limit) return;
  }
}

async function copyMessages(from: D1Database, to: D1Database, ids: string[]): Promise<void> {
  const read = (id: string, after: number) =>
    from
      .prepare(`SELECT * FROM message WHERE conversation_id = ? AND sequence > ? ORDER BY sequence LIMIT ${PAGE}`)
      .bind(id, after);
  let next = ids.map((id) => ({ id, after: 0 }));
  while (next.length > 0) {
    const results = await from.batch<Row>(next.map(({ id, after }) => read(id, after)));
    const rows = results.flatMap((result) => result.results);
    await write(to, "message", rows);
    next = results.flatMap(({ results: found }, i) => {
      const { id = "" } = next[i] ?? {};
      return found.length < PAGE ? [] : [{ id, after: Number(found.at(-1)?.["sequence"]) }];
    });
  }
  const [ours, theirs] = await Promise.all([from, to].map((d1) => sumOf(d1, ids)));
  if (ours !== theirs) throw new Error(`messages differ after copying: ${ours} and ${theirs}`);
}

/** Counts and lengths that differ when a copy is incomplete. */
async function sumOf(d1: D1Database, conversation_ids: string[]): Promise<string> {
  const row = await d1
    .prepare(
      `SELECT count(*) AS n, total(sequence) AS s, total(length(CAST(content AS BLOB))) AS bytes, count(deleted_at) AS d
       FROM message WHERE conversation_id IN (SELECT value FROM json_each(?))`,
    )
    .bind(JSON.stringify(conversation_ids))
    .first();
  return JSON.stringify(row);
}

async function compare(from: Home, to: Home, { name }: Table, company_id: string): Promise<void> {
  const count = async ({ d1 }: Home) => {
    const sql = `SELECT count(*) AS n FROM "${name}" WHERE company_id = ?`;
    return (await d1.prepare(sql).bind(company_id).first<{ n: number }>())?.n ?? 0;
  };
  const [ours, theirs] = [await count(from), await count(to)];
  // Audit rows cannot be deleted, so an earlier stay of the company may have left more of them.
  const same = name === AUDIT.name || name === SEALS.name ? theirs >= ours : theirs === ours;
  if (!same) throw new Error(`${name}: ${ours} rows in ${from.name}, ${theirs} in ${to.name}`);
}

/** Inserts rows that are not there yet. Values are bound one by one, because JSON would change some texts. */
async function write(d1: D1Database, table: string, rows: Row[]): Promise<void> {
  let batch: D1PreparedStatement[] = [];
  let size = 0;
  for (const row of rows) {
    const columns = Object.keys(row);
    const names = columns.map((column) => `"${column}"`).join(", ");
    const sql = `INSERT INTO "${table}" (${names}) VALUES (${columns.map(() => "?").join(", ")}) ON CONFLICT DO NOTHING`;
    batch.push(d1.prepare(sql).bind(...Object.values(row)));
    size += Object.values(row).reduce<number>((sum, value) => sum + (typeof value === "string" ? value.length : 8), 0);
    if (batch.length < STATEMENTS && size < TEXT) continue;
    await d1.batch(batch);
    batch = [];
    size = 0;
  }
  if (batch.length > 0) await d1.batch(batch);
}

/** Deletes all rows of the company but its audit rows, which cannot be deleted. What is rolled up is made anew where it goes. */
export async function clear(d1: D1Database, company_id: string): Promise<void> {
  await d1.prepare("DELETE FROM rollup_span WHERE company_id = ?").bind(company_id).run();
  for (;;) {
    const { results } = await d1
      .prepare(`SELECT id FROM conversation WHERE company_id = ? ORDER BY created_at, id LIMIT ${CONVERSATIONS}`)
      .bind(company_id)
      .all<{ id: string }>();
    if (results.length === 0) break;
    const ids = JSON.stringify(results.map((row) => row.id));
    await d1.batch([
      d1.prepare("DELETE FROM message WHERE conversation_id IN (SELECT value FROM json_each(?))").bind(ids),
      d1.prepare("DELETE FROM conversation WHERE id IN (SELECT value FROM json_each(?))").bind(ids),
    ]);
  }
  for (const { name } of [...TABLES, ...WEBHOOKS]) {
    const some = `SELECT rowid FROM "${name}" WHERE company_id = ? LIMIT ${DELETED_ROWS}`;
    for (let removed = 1; removed > 0;) {
      const { meta } = await d1.prepare(`DELETE FROM "${name}" WHERE rowid IN (${some})`).bind(company_id).run();
      removed = meta.changes;
    }
  }
  await d1.batch([
    d1.prepare("DELETE FROM tally WHERE company_id = ? AND kind <> 'audit'").bind(company_id),
    d1.prepare("DELETE FROM rollup_due WHERE company_id = ?").bind(company_id),
  ]);
}
