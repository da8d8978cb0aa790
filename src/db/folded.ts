/**
 * Text as it is searched: in one case and one spelling, by the rules of Unicode, which SQLite does not know. It is written
 * with the row. Rows of a time before there was such a column are found by their ASCII letters until the scheduled run has
 * folded them as well; locally that happens with the migrations.
 */
import { and, isNotNull, isNull, type SQL, sql } from "drizzle-orm";
import type { SQLiteColumn } from "drizzle-orm/sqlite-core";
import type { Env } from "../env.ts";
import { allHomes, type Database, openDatabase } from "./database.ts";
import { agent, conversation, lead } from "./schema.ts";

/** Rows that one statement folds; and how many times one run does that for each column. */
const AT_ONCE = 500;
const ROUNDS = 20;

/** What is not seen, such as a soft hyphen, a byte order mark, or what joins and parts letters. */
const UNSEEN = /\p{Default_Ignorable_Code_Point}/gu;

/** Compatible characters are one (NFKC), letters lower case. By way of upper case: only so do ẞ, ß and SS meet, and ς and Σ. */
export const fold = (text: string): string =>
  text
    .replaceAll(UNSEEN, "")
    .normalize("NFKC")
    .toLowerCase()
    .toUpperCase()
    .toLowerCase()
    .replaceAll("ς", "σ")
    .replaceAll("i\u0307", "i")
    .normalize("NFKC");

/** The folded columns of a lead, for as many of their sources as are among `fields`. */
export function foldedLead(fields: { first_name?: string | null; last_name?: string | null; email?: string | null }) {
  const { first_name, last_name, email } = fields;
  const folded = (text: string | null) => (text === null ? null : fold(text));
  return {
    ...(first_name === undefined ? {} : { first_name_folded: folded(first_name) }),
    ...(last_name === undefined ? {} : { last_name_folded: folded(last_name) }),
    ...(email === undefined ? {} : { email_folded: folded(email) }),
  };
}

/** Where `column` contains `text`, in any case. Not LIKE, whose patterns D1 limits to 50 bytes. */
export const contains = (column: SQLiteColumn, folded: SQLiteColumn, text: string): SQL =>
  sql`instr(coalesce(${folded}, lower(${column})), ${fold(text)}) > 0`;

/** Folds the rows of every database that are not folded yet. */
export async function foldRest(env: Env): Promise<void> {
  for (const { d1 } of allHomes(env)) await foldRows(openDatabase(d1));
}

/** Folds rows that are not folded yet, up to 10,000 for each column. It reads no others: indexes have these alone. */
export async function foldRows(db: Database): Promise<void> {
  await foldColumn(db, conversation, conversation.title, conversation.title_folded);
  await foldColumn(db, agent, agent.name, agent.name_folded);
  await foldColumn(db, lead, lead.first_name, lead.first_name_folded);
  await foldColumn(db, lead, lead.last_name, lead.last_name_folded);
  await foldColumn(db, lead, lead.email, lead.email_folded);
}

type Table = typeof conversation | typeof agent | typeof lead;

async function foldColumn(db: Database, table: Table, column: SQLiteColumn, folded: SQLiteColumn): Promise<void> {
  for (let round = 0; round < ROUNDS; round++) {
    const rows = await db
      .select({ id: table.id, text: sql<string>`${column}` })
      .from(table)
      .where(and(isNotNull(column), isNull(folded)))
      .limit(AT_ONCE);
    if (rows.length === 0) return;
    const list = JSON.stringify(rows.map(({ id, text }) => ({ id, text, folded: fold(text) })));
    // Only of the text that was read: whoever has changed or erased it meanwhile is not overtaken.
    await db.run(sql`UPDATE ${table} SET ${sql.identifier(folded.name)} = j.value ->> 'folded'
      FROM json_each(${list}) AS j WHERE ${table.id} = j.value ->> 'id' AND ${column} = j.value ->> 'text'`);
  }
}
