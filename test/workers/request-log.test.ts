/** The line that each request leaves in the log: enough to find and count it, and nothing of what was said. */
import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { uuidv7 } from "uuidv7";
import { afterEach, describe, expect, it, vi } from "vitest";
import { hashSecret } from "../../src/auth/api-key.ts";
import { controlDatabase } from "../../src/db/database.ts";
import { replaceLink } from "../../src/db/setup-link.ts";
import worker from "../../src/index.ts";
import { type Company, makeCompany } from "./company.ts";
import { createConversation } from "./conversation-client.ts";

afterEach(() => vi.restoreAllMocks());

/** A request to a deployment that is not a local one, and every line that was logged meanwhile. */
async function logged(path: string, init: RequestInit = {}) {
  const lines: string[] = [];
  for (const level of ["log", "warn", "error"] as const)
    vi.spyOn(console, level).mockImplementation((line: unknown) => void lines.push(String(line)));
  const request = new Request(`http://api.test${path}`, init) as Parameters<typeof worker.fetch>[0];
  const ctx = createExecutionContext();
  const response = await worker.fetch(request, { ...env, ALLOW_LOOPBACK_UPSTREAMS: "false" }, ctx);
  const body = await response.text();
  await waitOnExecutionContext(ctx);
  const requests = lines.map((line) => JSON.parse(line)).filter(({ event }) => event === "request");
  return { response, body, lines, requests };
}

const post = ({ user }: Company, body: unknown) => ({
  method: "POST",
  headers: { ...user, "content-type": "application/json", "x-request-id": "request-1" },
  body: JSON.stringify(body),
});

describe("the log", () => {
  it("has one line for a request, with its route and without what it was about", async () => {
    const company = await makeCompany();
    const { id } = await createConversation({ ...company, agent_id: company.faq_agent_id });
    const said = "My secret word is kumquat";
    const { response, lines, requests } = await logged(
      `/v1/conversation/${id}/chat?note=tamarind`,
      post(company, { message: said, metadata: { note: "persimmon" } }),
    );
    expect(response.status).toBe(200);
    expect(requests).toEqual([
      {
        event: "request",
        method: "POST",
        route: "/v1/conversation/:id/chat",
        status: 200,
        duration_ms: expect.any(Number),
        request_id: "request-1",
        company_id: company.company_id,
      },
    ]);
    for (const word of ["kumquat", "tamarind", "persimmon", id, company.user["authorization"]?.slice(7) ?? "?"])
      expect(lines.join("\n")).not.toContain(word);
  });

  it.each<[string, string, RequestInit, string | null, number]>([
    ["a refused credential", "/v1/conversation", {}, "/v1/conversation", 401],
    ["what is not there", `/api/v1/message/${uuidv7()}`, {}, "/api/v1/message/:id", 401],
    ["an unknown route", "/v1/nothing/kumquat", {}, null, 404],
    ["a wrong method", "/v1/health", { method: "DELETE" }, null, 405],
    ["a file", "/openapi.json", {}, "/openapi.json", 200],
    ["the key set", "/.well-known/jwks.json", { method: "HEAD" }, "/.well-known/jwks.json", 200],
  ])("has a line for %s", async (_, path, init, route, status) => {
    const { requests, response } = await logged(path, init);
    expect(response.status).toBe(status);
    const request_id = response.headers.get("x-request-id");
    expect(requests).toMatchObject([{ method: init.method ?? "GET", route, status, request_id, company_id: null }]);
  });

  it("has nothing of a set-up link, nor of the key that comes of it", async () => {
    const token = `su_${uuidv7()}`;
    const db = controlDatabase(env);
    await db.batch(replaceLink(db, await hashSecret(token), Date.now()));
    const init = {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ token, name: "Kumquat" }),
    };
    const first = await logged("/v1/setup", init);
    const second = await logged("/v1/setup", init);
    expect([first.response.status, second.response.status]).toEqual([201, 404]);
    const { api_key, api_secret } = JSON.parse(first.body);
    const lines = [...first.lines, ...second.lines].join("\n");
    for (const word of [token, "Kumquat", api_key, api_secret]) expect(lines).not.toContain(word);
  });
});
