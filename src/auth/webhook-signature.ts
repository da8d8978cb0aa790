/**
 * Signatures of webhooks (Standard Webhooks): `v1` is HMAC-SHA256 under a secret that the receiver shares, `v1a` Ed25519 by
 * the first signing key, which anybody checks with its public half.
 */
import { base64url } from "jose";
import type { Config } from "../config.ts";
import { publicKeys, signRaw } from "./signing-key.ts";

const PREFIX = "whsec_";
const encoder = new TextEncoder();
const base64 = (bytes: Uint8Array) => btoa(String.fromCharCode(...bytes));

/** A new secret: `whsec_` and 32 random bytes in base64. */
export const newWebhookSecret = (): string => PREFIX + base64(crypto.getRandomValues(new Uint8Array(32)));

/** The key of `v1a` signatures as libraries of Standard Webhooks take it: `whpk_` and its 32 bytes in base64. */
export async function webhookPublicKey(config: Config): Promise<string> {
  const [first] = (await publicKeys(config)).keys;
  return `whpk_${base64(base64url.decode(first?.x ?? ""))}`;
}

/** The headers of one attempt at `at` (ms): an event has the same id in every attempt. Each secret signs. */
export async function signatureHeaders(config: Config, secrets: string[], id: string, at: number, body: string) {
  const timestamp = String(Math.floor(at / 1000));
  const signed = encoder.encode(`${id}.${timestamp}.${body}`);
  const shared = secrets.map(async (secret) => `v1,${base64(await hmac(secret, signed))}`);
  const signatures = await Promise.all([...shared, signRaw(config, signed).then((bytes) => `v1a,${base64(bytes)}`)]);
  return { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signatures.join(" ") };
}

async function hmac(secret: string, bytes: Uint8Array): Promise<Uint8Array> {
  const raw = Uint8Array.from(atob(secret.slice(PREFIX.length)), (one) => one.charCodeAt(0));
  const key = await crypto.subtle.importKey("raw", raw, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", key, bytes));
}
