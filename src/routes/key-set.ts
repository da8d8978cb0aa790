/** The public keys with which anybody checks what this service signed: receipts, seals, webhooks and calls of tools. */
import type { Hono } from "hono";
import { publicKeys } from "../auth/signing-key.ts";
import type { AppEnv } from "../http/context.ts";

export function keySetRoutes(app: Hono<AppEnv>): void {
  app.get("/.well-known/jwks.json", async (c) =>
    c.body(JSON.stringify(await publicKeys(c.get("config"))), 200, {
      "content-type": "application/jwk-set+json",
      "access-control-allow-origin": "*",
      // A key that nobody knows yet makes a verifier ask again, so this may be short.
      "cache-control": "public, max-age=300",
    }),
  );
}
