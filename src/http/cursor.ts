/** Opaque cursors: a signed position, valid only for the company, principal and filter of the list that issued it. */
import { base64url } from "jose";
import type { Config } from "../config.ts";
import { Problem } from "../problem/problem.ts";

/** Where a page ended: the sort key of its last row, and the number of the next page. */
export type Position = { key: (string | number)[]; page: number };

/** The HMAC is truncated to 128 bits. */
const MAC_BYTES = 16;
const encoder = new TextEncoder();
/** Imported keys by secret, because importing a key costs more than signing. */
const keys = new Map<string, CryptoKey>();

/** A cursor for `position`, bound to `binding` (who may use it, on what). */
export async function encodeCursor(config: Config, binding: string, position: Position): Promise<string> {
  const payload = JSON.stringify([...position.key, position.page]);
  const mac = await sign(config.TOKEN_SECRETS[0] ?? "", binding, payload);
  const text = encoder.encode(payload);
  const bytes = new Uint8Array(MAC_BYTES + text.length);
  bytes.set(mac);
  bytes.set(text, MAC_BYTES);
  return base64url.encode(bytes);
}

/** The position in a cursor. Throws 400 when it was changed or issued for another binding. */
export async function decodeCursor(config: Config, binding: string, cursor: string): Promise<Position> {
  const bytes = parse(cursor);
  const payload = new TextDecoder().decode(bytes.subarray(MAC_BYTES));
  for (const secret of config.TOKEN_SECRETS) {
    const mac = await sign(secret, binding, payload);
    if (bytes.length > MAC_BYTES && crypto.subtle.timingSafeEqual(mac, bytes.subarray(0, MAC_BYTES))) {
      const key = JSON.parse(payload) as (string | number)[];
      return { page: Number(key.at(-1)), key: key.slice(0, -1) };
    }
  }
  throw invalidCursor();
}

const invalidCursor = () =>
  new Problem("invalid_cursor", "The cursor is not one that this list gave to this caller with this filter.");

function parse(cursor: string): Uint8Array {
  if (!/^[A-Za-z0-9_-]{24,1024}$/.test(cursor)) throw invalidCursor();
  try {
    const bytes = base64url.decode(cursor);
    if (base64url.encode(bytes) !== cursor) throw invalidCursor();
    return bytes;
  } catch {
    throw invalidCursor();
  }
}

async function sign(secret: string, binding: string, payload: string): Promise<Uint8Array> {
  let key = keys.get(secret);
  if (!key) {
    const algorithm = { name: "HMAC", hash: "SHA-256" };
    key = await crypto.subtle.importKey("raw", encoder.encode(`cursor:${secret}`), algorithm, false, ["sign"]);
    keys.set(secret, key);
  }
  const mac = await crypto.subtle.sign("HMAC", key, encoder.encode(`${binding}\n${payload}`));
  return new Uint8Array(mac, 0, MAC_BYTES);
}
