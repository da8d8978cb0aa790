/** Model providers that companies registered, by name. Their API keys are stored encrypted. */
import { and, asc, count, eq, gt, sql } from "drizzle-orm";
import type { Rows, Slice } from "./page.ts";
import { insertAudit, insertAuditIf } from "./audit.ts";
import type { AuditRow } from "../chat/audit.ts";
import type { Database } from "./database.ts";
import { deletePrices } from "./model-price.ts";
import { model_provider } from "./schema.ts";

export type ModelProviderRow = typeof model_provider.$inferSelect;

const byName = (company_id: string, name: string) =>
  and(eq(model_provider.company_id, company_id), eq(model_provider.name, name));

/** The context of a provider's encrypted key (see auth/encryption.ts): in another row it cannot be decrypted. */
export const providerKeyContext = (company_id: string, name: string) => `model_provider:${company_id}:${name}`;

export const findModelProvider = (
  db: Database,
  company_id: string,
  name: string,
): Promise<ModelProviderRow | undefined> => db.select().from(model_provider).where(byName(company_id, name)).get();

/** The names of the company's providers. */
export async function listProviderNames(db: Database, company_id: string): Promise<Set<string>> {
  const rows = await db
    .select({ name: model_provider.name })
    .from(model_provider)
    .where(eq(model_provider.company_id, company_id));
  return new Set(rows.map((row) => row.name));
}

/** Providers of the company, by name. */
export async function listModelProviders(
  db: Database,
  company_id: string,
  slice: Slice,
): Promise<Rows<ModelProviderRow>> {
  const where = eq(model_provider.company_id, company_id);
  const after = slice.after ? gt(model_provider.name, String(slice.after[0])) : undefined;
  const [rows, totals] = await db.batch([
    db
      .select()
      .from(model_provider)
      .where(and(where, after))
      .orderBy(asc(model_provider.name))
      .limit(slice.limit)
      .offset(slice.offset),
    db.select({ total: count() }).from(model_provider).where(where),
  ]);
  return { rows, total: totals[0]?.total ?? 0 };
}

/** Creates or replaces a provider, with its audit row. `created` is false when there was one of that name. */
export async function putModelProvider(
  db: Database,
  row: Pick<ModelProviderRow, "company_id" | "name" | "kind" | "base_url" | "api_key_ciphertext">,
  audit: AuditRow,
): Promise<{ row: ModelProviderRow; created: boolean }> {
  const { kind, base_url, api_key_ciphertext } = row;
  const [before, [after]] = await db.batch([
    db
      .select({ exists: sql<number>`1` })
      .from(model_provider)
      .where(byName(row.company_id, row.name)),
    db
      .insert(model_provider)
      .values({ ...row, created_at: audit.at, updated_at: audit.at })
      .onConflictDoUpdate({
        target: [model_provider.company_id, model_provider.name],
        set: { kind, base_url, api_key_ciphertext, updated_at: audit.at },
      })
      .returning(),
    insertAudit(db, audit),
  ]);
  if (!after) throw new Error("an upsert returned no row");
  return { row: after, created: before.length === 0 };
}

/** Deletes a provider with its prices. Undefined when the company has none of that name. */
export async function deleteModelProvider(db: Database, company_id: string, name: string, audit: AuditRow) {
  const [, , [removed]] = await db.batch([
    insertAuditIf(db, audit, sql`EXISTS (SELECT 1 FROM ${model_provider} WHERE ${byName(company_id, name)})`),
    deletePrices(db, company_id, name),
    db.delete(model_provider).where(byName(company_id, name)).returning(),
  ]);
  return removed;
}
