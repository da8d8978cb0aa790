/**
 * Secrets at rest: AES-256-GCM, written `<key id>.<iv>.<ciphertext>` with the last two in base64url. A ciphertext is
 * bound to its context, so that one copied into another row or another company does not open there.
 */
import { base64url } from "jose";
import type { Config } from "../config.ts";
import { type EncryptionKey, keyOf } from "./encryption-key.ts";

/** Bytes; the size that GCM is made for (NIST SP 800-38D). A fresh random one per encryption. */
const IV_BYTES = 12;
const encoder = new TextEncoder();
/** Imported keys, by their base64url form. */
const imported = new Map<string, CryptoKey>();

/** `plaintext` under the first of ENCRYPTION_KEYS, good only together with the same `context`. */
export async function encrypt(config: Config, plaintext: string, context: string): Promise<string> {
  const [first] = config.ENCRYPTION_KEYS;
  if (!first) throw new Error("there is no encryption key");
  const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES));
  const key = await keyOf(first);
  const bytes = await crypto.subtle.encrypt(parameters(iv, context), await cryptoKey(key), encoder.encode(plaintext));
  return `${key.id}.${base64url.encode(iv)}.${base64url.encode(new Uint8Array(bytes))}`;
}

/** What was encrypted, or null: its key is no longer listed, it was tampered with, or it is for another context. */
export async function decrypt(config: Config, ciphertext: string, context: string): Promise<string | null> {
  const [id, iv = "", bytes = "", ...rest] = ciphertext.split(".");
  const listed = await Promise.all(config.ENCRYPTION_KEYS.map((entry) => keyOf(entry)));
  const key = listed.find((one) => one.id === id);
  if (!key || rest.length > 0) return null;
  try {
    const data = base64url.decode(bytes);
    const plain = await crypto.subtle.decrypt(parameters(base64url.decode(iv), context), await cryptoKey(key), data);
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(plain);
  } catch {
    return null;
  }
}

const parameters = (iv: Uint8Array, context: string) => ({
  name: "AES-GCM",
  iv,
  additionalData: encoder.encode(context),
});

async function cryptoKey({ bytes }: EncryptionKey): Promise<CryptoKey> {
  const name = base64url.encode(bytes);
  let key = imported.get(name);
  if (!key) {
    key = await crypto.subtle.importKey("raw", bytes, "AES-GCM", false, ["encrypt", "decrypt"]);
    imported.set(name, key);
  }
  return key;
}
