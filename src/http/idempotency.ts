/** Idempotency-Key (draft-ietf-httpapi-idempotency-key-header): 1–255 visible ASCII characters, quoted or bare. */
import { base64url } from "jose";
import * as z from "zod";
import type { AppContext } from "./context.ts";
import { canonicalJson } from "../json.ts";
import { Problem } from "../problem/problem.ts";
import { lazy } from "../lazy.ts";

export const idempotencyHeader = lazy(() =>
  z.object({
    "idempotency-key": z.string().min(1).max(257).optional().meta({
      description:
        "1–255 visible ASCII characters, quoted or bare. A repeated request with the same key has no further effect.",
    }),
  }),
);

/** The key without its quotes, or null when the header is absent. Throws 400 when it is malformed. */
export function idempotencyKey(c: AppContext): string | null {
  const header = c.req.header("idempotency-key");
  if (header === undefined) return null;
  const key = /^"(.*)"$/.exec(header)?.[1]?.replaceAll(/\\(["\\])/g, "$1") ?? header;
  if (/^[\x21-\x7e]{1,255}$/.test(key)) return key;
  throw new Problem("malformed_request", "Idempotency-Key must be 1 to 255 visible ASCII characters, quoted or bare.");
}

/** SHA-256 of a JSON value in base64url. Equal values have equal hashes: order of members and white space do not count. */
export async function hashOf(value: unknown): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(canonicalJson(value)));
  return base64url.encode(new Uint8Array(digest));
}
