/**
 * A D1 binding that tells what every statement cost, in D1's own figures (`meta`), and waits until it has been heard. For
 * measuring only.
 */

export type Cost = { sql: string; params: unknown[]; rows_read: number; rows_written: number };
/** `trips`: calls to the database, a batch being one. */
type Meter = { trips: number; costs: Cost[] };

type Tell = (meter: Meter) => void | Promise<void>;
type Meta = { rows_read?: number; rows_written?: number };

/** The same database; `tell` is called once per trip, with what it cost. */
export function metered(db: D1Database, tell: Tell): D1Database {
  const over: Partial<D1Database> = {
    prepare: (sql) => statement(db.prepare(sql), sql, [], tell),
    async batch<T>(statements: D1PreparedStatement[]) {
      const inner = statements.map((one) => inners.get(one) ?? { statement: one, sql: "", params: [] });
      const results = await db.batch<T>(inner.map((one) => one.statement));
      await tell({ trips: 1, costs: results.map((result, i) => cost(inner[i], result.meta)) });
      return results;
    },
    withSession: (from) => metered(db.withSession(from) as unknown as D1Database, tell) as unknown as D1DatabaseSession,
  };
  return new Proxy(db, {
    get(target, name) {
      const own = over[name as keyof D1Database];
      if (own) return own;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

type Inner = { statement: D1PreparedStatement; sql: string; params: unknown[] };
const inners = new WeakMap<object, Inner>();

const cost = (inner: Inner | undefined, meta: Meta): Cost => ({
  sql: inner?.sql ?? "",
  params: inner?.params ?? [],
  rows_read: meta.rows_read ?? 0,
  rows_written: meta.rows_written ?? 0,
});

function statement(inner: D1PreparedStatement, sql: string, params: unknown[], tell: Tell): D1PreparedStatement {
  const known: Inner = { statement: inner, sql, params };
  const told = async <T extends { meta: Meta }>(asked: Promise<T>): Promise<T> => {
    const result = await asked;
    await tell({ trips: 1, costs: [cost(known, result.meta)] });
    return result;
  };
  const isRead = /^\s*(?:select|with)\b/i.test(sql);
  const wrapped = {
    bind: (...values: unknown[]) => statement(inner.bind(...values), sql, values, tell),
    all: () => told(inner.all()),
    run: () => told(inner.run()),
    first: async (column?: string) => {
      const row = (await told(inner.all<Record<string, unknown>>())).results[0] ?? null;
      return column === undefined ? row : (row?.[column] ?? null);
    },
    // The binding's own raw() keeps its figures to itself: a read is done twice and counted once, a write is taken apart.
    raw: async () => {
      const { results } = await told(inner.all<Record<string, unknown>>());
      return isRead ? inner.raw() : results.map((row) => Object.values(row));
    },
  } as unknown as D1PreparedStatement;
  inners.set(wrapped, known);
  return wrapped;
}
