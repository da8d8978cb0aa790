/** What the scheduled run does, in this order: what it changes is audited, and what is audited is sealed. */
import { configOf } from "../config.ts";
import { allHomes, openDatabase } from "../db/database.ts";
import type { Env } from "../env.ts";
import { sealEverybody } from "./seal.ts";

/** Stretches of audit rows that one run seals, in all databases together. */
const SEALS = 200;

export async function sealAll(env: Env): Promise<void> {
  let left = SEALS;
  for (const { d1 } of allHomes(env)) left -= await sealEverybody(openDatabase(d1), configOf(env), left);
}
