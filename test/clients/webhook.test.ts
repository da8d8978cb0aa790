/** Deliveries as the libraries of other people check them, unmodified: the reference one and Svix's. */
import { Webhook } from "standardwebhooks";
import { Webhook as SvixWebhook } from "svix";
import { expect, it } from "vitest";
import { call, up } from "./service.ts";

type Received = { headers: Record<string, string>; body: unknown };

/** A test event as a webhook's address receives it, and the webhook's secrets: the present one and the one before. */
async function delivered(name: string): Promise<{ text: string; headers: Record<string, string>; secrets: string[] }> {
  // Of what the other files do meanwhile it hears nothing.
  const { webhook, secret } = await call("POST", "/webhook", { url: up.toolUrl(name), events: ["erasure.done"] });
  const rotated = await call("POST", `/webhook/${webhook.id}/rotate`);
  await call("POST", `/webhook/${webhook.id}/test`);
  const [request] = (await up.waitForRequest(`tools/${name}`)) as unknown as Received[];
  return { text: JSON.stringify(request?.body), headers: request?.headers ?? {}, secrets: [rotated.secret, secret] };
}

it.each([
  ["standardwebhooks", (secret: string) => new Webhook(secret)],
  ["svix", (secret: string) => new SvixWebhook(secret)],
] as const)("%s verifies a delivery, by either secret while they overlap", async (name, verifier) => {
  const { text, headers, secrets } = await delivered(`${name}-receiver`);
  for (const secret of secrets) expect(() => verifier(secret).verify(text, headers)).not.toThrow();
  const stranger = `whsec_${btoa("0123456789abcdef0123456789abcdef")}`;
  expect(() => verifier(stranger).verify(text, headers)).toThrow("No matching signature found");
  expect(() => verifier(secrets[0] ?? "").verify(`${text} `, headers)).toThrow("No matching signature found");
});
