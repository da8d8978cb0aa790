/** Where a text is stored: every table of D1 and of every object's own database, as far as they are about one company. */
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import type { Company } from "./company.ts";

type Row = Record<string, unknown>;

const TABLES =
  "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name NOT LIKE '\\_cf%' ESCAPE '\\'";

const OWN = "SELECT id FROM conversation WHERE company_id = ?";

const says = (rows: Row[], text: string) =>
  rows.filter((row) => JSON.stringify(row).toLowerCase().includes(text.toLowerCase())).length;

/** The tables that say `text` somewhere, upper or lower case, each with in how many rows. */
export async function everywhere({ company_id }: Pick<Company, "company_id">, text: string): Promise<string[]> {
  const found: string[] = [];
  const from =
    (d1: D1Database) =>
    async (sql: string, ...values: unknown[]): Promise<Row[]> =>
      (
        await d1
          .prepare(sql)
          .bind(...values)
          .all<Row>()
      ).results;
  for (const [where, d1] of Object.entries({ "": env.DB, "search ": env.SEARCH as D1Database })) {
    const all = from(d1);
    for (const { name } of await all(TABLES)) {
      const columns = (await all("SELECT name FROM pragma_table_info(?)", name)).map((column) => column["name"]);
      const rows = columns.includes("company_id")
        ? await all(`SELECT * FROM "${String(name)}" WHERE company_id = ?`, company_id)
        : columns.includes("conversation_id")
          ? await all(`SELECT * FROM "${String(name)}" WHERE conversation_id IN (${OWN})`, company_id)
          : where === "search " && columns.includes("words")
            ? await all(
                `SELECT * FROM "${String(name)}" WHERE rowid IN (SELECT id FROM message WHERE conversation_id IN (${OWN}))`,
                company_id,
              )
            : await all(`SELECT * FROM "${String(name)}"`);
      if (says(rows, text) > 0) found.push(`${where}${String(name)}: ${says(rows, text)}`);
    }
  }
  for (const { id } of await from(env.DB)("SELECT id FROM conversation WHERE company_id = ?", company_id)) {
    const inside = await runInDurableObject(env.CONVERSATION.getByName(String(id)), (_, { storage }) =>
      storage.sql
        .exec(TABLES)
        .toArray()
        .map(
          ({ name }) =>
            [String(name), says(storage.sql.exec(`SELECT * FROM "${String(name)}"`).toArray(), text)] as const,
        ),
    );
    found.push(...inside.flatMap(([name, n]) => (n > 0 ? [`object ${name}: ${n}`] : [])));
  }
  return found;
}
