/** Makes a link to /setup: its secret is printed and stored nowhere, its hash goes into the database through wrangler. */
import { randomBytes } from "node:crypto";
import { hashSecret } from "../../auth/api-key.ts";
import { openDatabase } from "../../db/database.ts";
import { noCompany, replaceLink } from "../../db/setup-link.ts";
import { capture } from "../tool/run.ts";
import { sqlText } from "./sql-text.ts";

export type NewLink = { kind: "made"; path: string } | { kind: "not needed" } | { kind: "failed"; output: string };

/**
 * A new link, as the path of an address; it replaces the one before. `where`: options of `wrangler d1 execute` that say which
 * database. `first`: not needed where there is a company already.
 */
export async function makeSetupLink(where: string[], { first }: { first: boolean }): Promise<NewLink> {
  const secret = `su_${randomBytes(32).toString("base64url")}`;
  // It only makes the text of the statements, which takes no connection.
  const db = openDatabase({} as D1Database);
  const statements = replaceLink(db, await hashSecret(secret), Date.now(), first ? noCompany : undefined);
  const command = sqlText(statements.map((one) => one.toSQL()));
  const args = ["d1", "execute", "DB", ...where, "--yes", "--json", "--command", command];
  const { code, output } = await capture("wrangler", args);
  const rows = code === 0 ? rowsOf(output) : null;
  if (rows === null) return { kind: "failed", output: output.trim() };
  return rows === 0 ? { kind: "not needed" } : { kind: "made", path: `/setup#${secret}` };
}

/** How many rows the last statement returned. Null when this is not what wrangler prints for a success. */
function rowsOf(output: string): number | null {
  try {
    const results = JSON.parse(/^\[[\s\S]*\]/m.exec(output)?.[0] ?? "") as { results: unknown[] }[];
    return results.at(-1)?.results.length ?? null;
  } catch {
    return null;
  }
}
