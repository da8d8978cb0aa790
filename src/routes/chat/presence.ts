/** Who else of the staff has a conversation open: readers of its events that ask for it are named to each other. */
import type { Caller } from "../../auth/principal.ts";
import type { Person } from "../../chat/rpc.ts";
import { within } from "../../chat/within.ts";
import type { AppContext } from "../../http/context.ts";
import { requestDatabase } from "../../http/database.ts";
import { invalid, Problem } from "../../problem/problem.ts";
import { personOf } from "../conversation/handling.ts";

/** Milliseconds that a stream waits for the name of its reader. */
const PATIENCE = 2_000;

/** The reader as others see it, where it asked for that. Without D1 it has no name, and follows all the same. */
export async function presentReader(
  c: AppContext,
  caller: Caller,
  { presence, turn_id }: { presence?: string | undefined; turn_id?: string | undefined },
): Promise<Person | undefined> {
  if (presence !== "true") return undefined;
  if (caller.kind === "lead") throw new Problem("forbidden", "Presence is not open to visitors.");
  if (turn_id !== undefined) throw invalid({ path: "/presence", message: "is not for the replay of a turn" });
  const found = requestDatabase(c, caller.company_id).then((db) => personOf(db, caller));
  return within(found, PATIENCE).catch(() => ({ entity_id: caller.entity_id, name: null }));
}
