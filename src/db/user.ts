/** Users: people of a company, known by who vouches for them and how they are called there. */
import { uuidv7 } from "uuidv7";
import type { Database } from "./database.ts";
import { user } from "./schema.ts";

export type VouchedUser = {
  company_id: string;
  issuer: string;
  subject: string;
  name: string | null;
  email: string | null;
  role: "member" | "admin";
};

/** Makes the user on first sight, or brings name, email and role up to date; the id either way. */
export async function upsertExternalUser(db: Database, u: VouchedUser, now: number): Promise<string> {
  const { company_id, issuer, subject, name, email, role } = u;
  const row = await db
    .insert(user)
    .values({ id: uuidv7(), company_id, issuer, subject, name, email, role, created_at: now })
    .onConflictDoUpdate({ target: [user.company_id, user.issuer, user.subject], set: { name, email, role } })
    .returning({ id: user.id })
    .get();
  return row.id;
}

/** A user whom the company's own backend vouches for; what is left out stays as it is. */
export type BackendUser = {
  company_id: string;
  /** How the company calls this user. */
  subject: string;
  name?: string | undefined;
  email?: string | undefined;
  role?: "member" | "admin" | undefined;
};

/** Makes the user on first sight; the id either way. */
export async function upsertBackendUser(db: Database, u: BackendUser, now: number): Promise<string> {
  const { name, email, role } = u;
  const row = await db
    .insert(user)
    .values({ ...u, id: uuidv7(), issuer: "", created_at: now })
    // A column must be set for the row to be returned; setting the subject to itself changes nothing.
    .onConflictDoUpdate({
      target: [user.company_id, user.issuer, user.subject],
      set: { subject: u.subject, name, email, role },
    })
    .returning({ id: user.id })
    .get();
  return row.id;
}
