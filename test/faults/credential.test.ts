/** Credentials while the database is away: who was admitted to a conversation goes on there, and nobody else. */
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { describe, expect, inject, it } from "vitest";
import type { Answer } from "./client.ts";
import { openSite, type Site } from "./site.ts";
import { settled, verify } from "./verify.ts";

const ORIGIN = "https://shop.example";

type Headers = Record<string, string>;
/** What is sent with a request, and what ends it. */
type Known = { headers: Headers; end: () => Promise<Answer> };

const keyHeaders = ({ api_key, api_secret }: { api_key: string; api_secret: string }): Headers => ({
  authorization: "",
  "x-api-key": api_key,
  "x-api-secret": api_secret,
});
const bearer = (token: string): Headers => ({ authorization: `Bearer ${token}` });

/** The visitor of a website, who owns a conversation, and everybody of the staff who may write in it. */
async function everybody({ client, up }: Site) {
  const admin = keyHeaders(inject("prepared").admin_key);
  const call = async (method: string, path: string, body?: object, headers: Headers = admin) => {
    const answer = await client.call(method, path, body, headers);
    if (answer.status > 299) throw new Error(`${method} ${path}: ${JSON.stringify(answer.body)}`);
    return answer;
  };
  const post = async (path: string, body: object, headers?: Headers) => (await call("POST", path, body, headers)).body;
  const agent_id = await client.agent("m", { allowed_origins: [ORIGIN] });
  const { agent } = (await call("GET", `/v1/agent/${agent_id}`)).body;
  const websites = { name: "m", model: agent.model, allowed_origins: ["https://other.example"] };
  const visit = () => post("/v1/lead/register", { agent_id }, { origin: ORIGIN, authorization: "" });
  const [visitor, guest] = [await visit(), await visit()];
  const ofVisitor = { ...bearer(visitor.access_token), origin: ORIGIN };

  const issuer = "https://login.example/";
  const { privateKey, publicKey } = await generateKeyPair("ES256");
  const jwks_uri = await up.document("keys", { keys: [{ ...(await exportJWK(publicKey)), alg: "ES256", kid: "k" }] });
  const token = await new SignJWT({ iss: issuer, aud: "us", sub: "u" })
    .setProtectedHeader({ alg: "ES256", kid: "k" })
    .setExpirationTime("1h")
    .sign(privateKey);
  const provider = await post("/v1/auth/issuer", { issuer, audience: "us", jwks_uri, token });

  const makeKey = () => post("/v1/auth/api-keys", { scopes: ["read", "write"] });
  const [key, rotated, minting] = [await makeKey(), await makeKey(), await makeKey()];
  const mint = (headers?: Headers) => post("/v1/auth/token", { entity_type: "user", external_id: "m" }, headers);
  const [minted, ofKey] = [await mint(), await mint(keyHeaders(minting))];
  const revoke = ({ id }: { id: string }) => call("DELETE", `/v1/auth/api-keys/${id}`);
  const known: Record<string, Known> = {
    visitor: { headers: ofVisitor, end: () => call("DELETE", `/v1/lead/${visitor.lead.id}`) },
    key: { headers: keyHeaders(key), end: () => revoke(key) },
    "old secret": {
      headers: keyHeaders(rotated),
      end: () => call("POST", `/v1/auth/api-keys/${rotated.id}/rotate`, { overlap_seconds: 0 }),
    },
    "token of a key": { headers: bearer(ofKey.access_token), end: () => revoke(minting) },
    token: { headers: bearer(minted.access_token), end: () => call("DELETE", `/v1/user/${minted.entity_id}`) },
    "identity provider": { headers: bearer(token), end: () => call("DELETE", `/v1/auth/issuer/${provider.id}`) },
  };
  const makeFor = async (headers: Headers) => (await post("/v1/conversation", { agent_id }, headers)).conversation.id;
  return {
    known,
    id: (await makeFor(ofVisitor)) as string,
    /** A visitor who loses the website that they came from, and where they talk. */
    guest: {
      id: (await makeFor({ ...bearer(guest.access_token), origin: ORIGIN })) as string,
      headers: { ...bearer(guest.access_token), origin: ORIGIN },
      end: () => call("PUT", `/v1/agent/${agent_id}`, websites),
    },
    /** What ends nobody of them: somebody else is deleted, and the agent is renamed. */
    unrelated: async () => {
      await call("DELETE", `/v1/lead/${guest.lead.id}`);
      await call("PUT", `/v1/agent/${agent_id}`, { ...websites, name: "renamed", allowed_origins: [ORIGIN] });
    },
    another: async () => bearer((await mint()).access_token),
  };
}

const chatIn = ({ client }: Site, id: string, headers: Headers, message: string) =>
  client.call("POST", `/v1/conversation/${id}/chat`, { message }, headers);

function expectUnavailable(answer: Answer): void {
  expect(answer).toMatchObject({ status: 503, body: { code: "store_unavailable" } });
  expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
}

describe.concurrent("a server that knows nobody yet, while its database is away", () => {
  it("serves whom the conversation has admitted, by the very same credential", async ({ onTestFinished }) => {
    const site = await openSite(onTestFinished);
    const { client, files } = site;
    const { known, id, another, unrelated } = await everybody(site);
    for (const [name, { headers }] of Object.entries(known))
      expect([name, (await chatIn(site, id, headers, `first of ${name}`)).status]).toEqual([name, 200]);
    const unseen = await another();
    await unrelated();
    await settled(site, id);
    await site.kill();
    await site.start();
    const unlock = files.lockRecord();
    // Whoever has not been here, and whoever has but half of what was.
    const { key, visitor } = known as Record<"key" | "visitor", Known>;
    const strangers: Headers[] = [
      unseen,
      { ...key.headers, "x-api-secret": `as_${"b".repeat(43)}` },
      { ...visitor.headers, origin: "https://other.example" },
    ];
    for (const headers of strangers) expectUnavailable(await chatIn(site, id, headers, "nobody knows me"));
    for (const [name, { headers }] of Object.entries(known)) {
      const answer = await chatIn(site, id, headers, `second of ${name}`);
      expect([name, answer.status]).toEqual([name, 200]);
      expect((await client.call("GET", `/v1/message/${answer.body.message_id}`, undefined, headers)).status).toBe(200);
    }
    expectUnavailable(await client.call("GET", "/v1/conversation", undefined, key.headers));
    unlock();
    const history = await verify(site, id);
    expect(history.map(({ content }) => content).filter((text) => /^(first|second|nobody)/.test(text))).toEqual(
      ["first", "second"].flatMap((which) => Object.keys(known).map((name) => `${which} of ${name}`)),
    );
    // What is on disk is no credential.
    const [row] = files.journal(id, "SELECT admitted FROM header");
    const secrets = Object.values(known).flatMap(({ headers }) =>
      [headers["x-api-secret"], headers["authorization"]?.split(".")[2]].filter((secret) => secret !== undefined),
    );
    expect(secrets).toHaveLength(Object.keys(known).length);
    for (const secret of secrets) expect(row?.["admitted"]).not.toContain(secret);
    expect(site.logs.filter((line) => line.includes('"credential_recalled"'))).not.toEqual([]);
  });

  it("serves nobody whose credential ended before", async ({ onTestFinished }) => {
    const site = await openSite(onTestFinished);
    const { known, id, guest } = await everybody(site);
    const all = { ...known, guest };
    for (const [name, { headers }] of Object.entries(all))
      expect([name, (await chatIn(site, name === "guest" ? guest.id : id, headers, "hello")).status]).toEqual([
        name,
        200,
      ]);
    await settled(site, id);
    await settled(site, guest.id);
    for (const { end } of Object.values(all)) expect((await end()).status).toBe(200);
    await site.kill();
    await site.start();
    const unlock = site.files.lockRecord();
    for (const [name, { headers }] of Object.entries(all))
      expectUnavailable(await chatIn(site, name === "guest" ? guest.id : id, headers, "still here"));
    unlock();
    for (const [name, { headers }] of Object.entries(all)) {
      const { status } = await chatIn(site, name === "guest" ? guest.id : id, headers, "still here");
      expect([name, status]).toEqual([name, name === "guest" ? 403 : 401]);
    }
    expect(await verify(site, id)).toHaveLength(2 * Object.keys(known).length);
  });
});
