/** API keys: a public half to find the row, and 256 secret bits of which only the SHA-256 is stored. */
import { base64url } from "jose";
import { uuidv7 } from "uuidv7";
import type { Scope } from "./principal.ts";

const random = (bytes: number) => base64url.encode(crypto.getRandomValues(new Uint8Array(bytes)));

const newKey = () => `ak_${random(18)}`;
export const newSecret = () => `as_${random(32)}`;

/** SHA-256 of a secret, hexadecimal. The secret has full entropy, so one fast hash is enough. */
export async function hashSecret(secret: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(secret));
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The row of a new key, and the secret whose hash it holds: never to be had again. */
export async function newApiKey(
  owner: { company_id: string; user_id: string },
  fields: { name: string; scopes: Scope[]; expires_at?: number | null },
  now: number,
) {
  const secret = newSecret();
  const row = {
    id: uuidv7(),
    ...owner,
    ...fields,
    key: newKey(),
    secret_hash: await hashSecret(secret),
    created_at: now,
  };
  return { row, secret };
}

/** Whether `hash` is one of the hashes that are good at `now` (ms), compared in constant time. */
export function secretMatches(
  hash: string,
  row: { secret_hash: string; previous_secret_hash: string | null; previous_expires_at: number | null },
  now: number,
): boolean {
  const current = sameHash(hash, row.secret_hash);
  const previousIsGood = row.previous_expires_at !== null && row.previous_expires_at > now;
  const previous = sameHash(hash, row.previous_secret_hash ?? row.secret_hash);
  return current || (previousIsGood && previous);
}

function sameHash(a: string, b: string): boolean {
  const encoder = new TextEncoder();
  return a.length === b.length && crypto.subtle.timingSafeEqual(encoder.encode(a), encoder.encode(b));
}
