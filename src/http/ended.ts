/** What ends credentials is noted with the company's standby first, so that it holds also when the database goes away next. */
import { Problem } from "../problem/problem.ts";
import type { AppContext } from "./context.ts";

/** Call this before the database hears that credentials that rest on `names` (see namesOf) end. Throws 503: nothing is changed. */
export async function noteEnded(c: AppContext, company_id: string, ...names: string[]): Promise<void> {
  try {
    await c.env.STANDBY.getByName(company_id).noteEnded(names);
  } catch (error) {
    console.warn(JSON.stringify({ event: "end_not_noted", company_id, error: String(error) }));
    throw new Problem("store_unavailable", "Send the same request again.", { retry_after: 1 });
  }
}
