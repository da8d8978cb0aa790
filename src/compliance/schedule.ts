/**
 * What the scheduled run does beside retention: it goes on with erasures, and seals what was audited. One budget over all
 * databases; what does not fit is left to the next run.
 */
import type { Caller } from "../auth/principal.ts";
import { configOf } from "../config.ts";
import { allHomes, causeOf, openDatabase } from "../db/database.ts";
import { type ErasureRow, runningErasures } from "../db/erasure.ts";
import type { Env } from "../env.ts";
import { Budget } from "./budget.ts";
import { goOn } from "./erasure.ts";
import { sealEverybody } from "./seal.ts";

/** Stretches of audit rows that one run seals, and calls that its erasures make. */
const SEALS = 200;
const CALLS = 500;
/** Erasures of one database that a run looks at. */
const ERASURES = 50;

export async function sealAll(env: Env): Promise<void> {
  let left = SEALS;
  for (const { d1 } of allHomes(env)) left -= await sealEverybody(openDatabase(d1), configOf(env), left);
}

/** Goes on with erasures that are not done. One that fails does not hold up the others. */
export async function eraseRest(env: Env): Promise<void> {
  const budget = new Budget(CALLS);
  const config = configOf(env);
  for (const { d1 } of allHomes(env)) {
    const db = openDatabase(d1);
    if (!budget.spend(1)) return;
    for (const row of await runningErasures(db, ERASURES)) {
      await goOn({ env, config, db }, onBehalfOf(row), row, budget).catch((error: unknown) =>
        console.error(JSON.stringify({ event: "erasure_failed", erasure_id: row.id, error: causeOf(error) })),
      );
    }
  }
}

/** Whoever asked for it, when the request itself is over. */
const onBehalfOf = ({ company_id, requested_by }: ErasureRow): Caller => ({
  company_id,
  kind: "user",
  entity_type: "user",
  entity_id: requested_by,
  ...{ api_key_id: null, issuer_id: null, issued_at: null, expires_at: null, request_id: "", may_read: false },
});
