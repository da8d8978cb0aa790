/** How a refused credential is answered: exactly in the log, vaguely on the wire. */
import type { Checked, Refusal } from "../auth/refusal.ts";
import { Problem } from "../problem/problem.ts";
import type { AppContext } from "./context.ts";

/** What a credential was checked to, or the problem that its refusal is. */
export function admitted<T>(c: AppContext, checked: Checked<T>, vague: string, error = "invalid_token"): T {
  if (checked.ok) return checked.value;
  throw refused(c, checked.refusal, vague, error);
}

/** Logs the reason and answers without it. That keys cannot be fetched is nobody's fault who is asking: 503. */
export function refused(c: AppContext, refusal: Refusal, vague: string, error = "invalid_token"): Problem {
  console.warn(JSON.stringify({ event: "credential_refused", request_id: c.get("request_id"), ...refusal }));
  if (refusal.reason === "keys_unavailable") {
    return new Problem("identity_provider_unavailable", undefined, { retry_after: refusal.retry_after });
  }
  return new Problem("unauthorized", vague, {
    headers: { "www-authenticate": `Bearer realm="conversations", error="${error}"` },
  });
}
