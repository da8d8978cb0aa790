/** What an entry of ENCRYPTION_KEYS stands for: 32 bytes, and the id that ciphertexts carry. The same entry is always the same key. */
import { base64url } from "jose";

/** `id` and 32 bytes as base64url, as in `id:key`; or a plain string, whose `id` is empty. */
type ListedKey = { id: string; key: string };

export type EncryptionKey = { id: string; bytes: Uint8Array<ArrayBuffer> };

/** Bytes of a derived id: few enough to be short, enough for keys that are listed together. */
const ID_BYTES = 6;
const encoder = new TextEncoder();
/** Derived keys, by their plain strings. */
const derived = new Map<string, Promise<EncryptionKey>>();

export async function keyOf({ id, key }: ListedKey): Promise<EncryptionKey> {
  if (id !== "") return { id, bytes: new Uint8Array(base64url.decode(key)) };
  let known = derived.get(key);
  if (!known) derived.set(key, (known = derive(key)));
  return known;
}

/** HKDF (RFC 5869) of a plain string. What it says of the id says nothing of the key. */
async function derive(text: string): Promise<EncryptionKey> {
  const material = await crypto.subtle.importKey("raw", encoder.encode(text), "HKDF", false, ["deriveBits"]);
  const expand = async (info: string, bytes: number) => {
    const parameters = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info: encoder.encode(info) };
    return new Uint8Array(await crypto.subtle.deriveBits(parameters, material, bytes * 8));
  };
  const id = await expand("conversations-api encryption key id", ID_BYTES);
  return { id: base64url.encode(id), bytes: await expand("conversations-api encryption key", 32) };
}
