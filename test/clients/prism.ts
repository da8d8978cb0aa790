/** Prism as a validating proxy in front of the service: a walk over its operations, and over its refusals, leaves no answer that it objects to. */
import { type ChildProcess, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { api as routes } from "../../src/app.ts";
import { openApiDocument } from "../../src/openapi/document.ts";
import { freePort } from "../e2e/free-port.ts";
import { folder } from "./generators.ts";
import { admin, api, newAgent, newToken, up } from "./service.ts";

let prism: ChildProcess;
let url: string;
const objections: string[] = [];
let noticed = 0;

/** The answer. What Prism objects to in it is in its header; what it objects to in the request counts where that was accepted. */
async function send(method: string, path: string, body?: unknown, headers: Record<string, string> = admin) {
  const json: Record<string, string> = body === undefined ? {} : { "content-type": "application/json" };
  const response = await fetch(url + path, {
    method,
    signal: AbortSignal.timeout(10_000),
    headers: { ...json, ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const said = JSON.parse(response.headers.get("sl-violations") ?? "[]") as { location: string[]; message: string }[];
  noticed += said.length;
  for (const { location, message } of said) {
    if (location[0] === "response" || response.ok)
      objections.push(`${method} ${path} ${response.status}: ${location.join(".")} ${message}`);
  }
  const text = await response.text();
  return { status: response.status, body: text.startsWith("{") ? JSON.parse(text) : text };
}

/** Starts Prism. Null once it answers, or what it has printed when it ended before, as it does where another process takes its port first. */
async function start(document: string): Promise<string | null> {
  const port = await freePort();
  url = `http://127.0.0.1:${port}`;
  const command = join(folder, "node_modules/@stoplight/prism-cli/dist/index.js");
  const options = ["-p", String(port), "-h", "127.0.0.1", "--multiprocess", "false"];
  const child = spawn(process.execPath, [command, "proxy", document, api, ...options], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  prism = child;
  let printed = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data: Buffer) => (printed += data.toString()));
  const isUp = () =>
    fetch(`${url}/health`, { signal: AbortSignal.timeout(5_000) }).then(
      ({ ok }) => ok,
      () => false,
    );
  while (prism.exitCode === null && prism.signalCode === null) {
    if (await isUp()) return null;
    await sleep(100);
  }
  return printed;
}

/** Tests, for a file whose packages are installed. */
export function prismTests(): void {
  beforeAll(async () => {
    const document = join(folder, "prism.json");
    writeFileSync(document, JSON.stringify(openApiDocument(routes.specs)));
    let wrong: string | null = "";
    for (let tries = 0; wrong !== null && tries < 3; tries++) wrong = await start(document);
    expect(wrong).toBeNull();
  }, 120_000);
  afterAll(() => void prism.kill());

  it("objects to nothing of a conversation, from its beginning to its purge", async () => {
    const agent_id = await newAgent("builtin/echo");
    const { id } = (await send("POST", "/conversation", { agent_id, metadata: { a: [1, null] } })).body.conversation;
    const at = `/conversation/${id}`;
    const chat = (await send("POST", `${at}/chat`, { message: "hello" })).body;
    await send("POST", `${at}/chat`, { message: "later" }, { ...admin, prefer: "respond-async" });
    await send("POST", `${at}/chat`, { message: "streamed" }, { ...admin, accept: "text/event-stream" });
    const ui = { messages: [{ id: "m", role: "user", parts: [{ type: "text", text: "ui" }] }] };
    await send("POST", `${at}/chat`, ui);
    await send("POST", "/chat/completions", { model: agent_id, messages: [{ role: "user", content: "hello" }] });
    for (const path of ["", "/messages?per_page=1", "/context", "/notes", "/handling"]) await send("GET", at + path);
    for (const path of [`/turn/${chat.turn_id}`, `/message/${chat.message_id}`, `/analytic${at}`])
      await send("GET", path);
    await send("PUT", `/message/${chat.reply.id}/feedback`, { rating: "up" });
    await send("POST", `${at}/take-over`, { return_after_seconds: 60 });
    await send("POST", `${at}/reply`, { message: "a person" });
    await send("POST", `${at}/chat`, { message: "to a person" });
    await send("POST", `${at}/note`, { text: "note" });
    await send("POST", `${at}/read`, { sequence: 1 });
    await send("POST", `${at}/typing`);
    await send("POST", `${at}/give-back`);
    await send("PATCH", at, { title: "new", status: "archived" });
    await send("DELETE", `/message/${chat.message_id}`);
    await send("PATCH", `/message/${chat.message_id}/restore`);
    await send("DELETE", `${at}/messages`);
    await send("PATCH", `${at}/message/restore-all`);
    await send("PUT", `${at}/hold`, { reason: "a case" });
    expect((await send("DELETE", `${at}?purge=true`)).body.code).toBe("legal_hold");
    await send("DELETE", `${at}/hold`);
    await send("DELETE", at);
    await send("PATCH", `${at}/restore`);
    expect((await send("DELETE", `${at}?purge=true`)).status).toBe(200);
    expect(objections).toEqual([]);
  }, 60_000);

  it("objects to nothing of what a company sets up and reads", async () => {
    const { agent } = (await send("POST", "/agent", { name: "A", knowledge: [{ question: "q", answer: "a" }] })).body;
    await send("PUT", `/agent/${agent.id}`, { name: "B" });
    await send("DELETE", `/agent/${agent.id}`);
    await send("PATCH", `/agent/${agent.id}/restore`);
    await send("GET", `/agent/${agent.id}`, undefined, {});
    await send("GET", `/agent/${agent.id}/embed-code`);
    await send("PUT", "/model-provider/acme", { kind: "openai", api_key: "sk-none" });
    await send("PUT", "/model-provider/acme/prices", { m: { input: "1", output: "2.5", currency: "EUR" } });
    const { webhook } = (await send("POST", "/webhook", { url: `${up.baseUrl}/hook` })).body;
    for (const path of ["", "/deliveries"]) await send("GET", `/webhook/${webhook.id}${path}`);
    await send("POST", `/webhook/${webhook.id}/rotate`);
    await send("DELETE", `/webhook/${webhook.id}`);
    const { budget } = (await send("POST", "/budget", { applies_to: "company", period: "day", tokens: 1000 })).body;
    await send("GET", `/budget/${budget.id}`);
    await send("DELETE", `/budget/${budget.id}`);
    await send("PATCH", "/company", { time_zone: "Europe/Berlin" });
    for (const type of ["conversations", "usage"]) await send("POST", "/analytic/export", { type, format: "json" });
    const reads = routes.specs.filter(({ method, path }) => method === "get" && !path.includes("{"));
    for (const { path } of reads) await send("GET", path === "/message/search" ? `${path}?q=hello` : path);
    expect(objections).toEqual([]);
  }, 60_000);

  it("objects to nothing of a refusal", async () => {
    const lead = { authorization: `Bearer ${await newToken("lead")}` };
    const seen = new Set<number>();
    // The others are held against the document one by one in the tests of the Worker; Prism takes its time.
    const tags = ["Conversations", "Turns", "Messages", "Leads"];
    const tried = routes.specs.filter(({ tag, path }) => tags.includes(tag) && !/^\/sdk|\/stream$/.test(path));
    for (const { method, path, body } of tried) {
      const filled = path.replaceAll(/\{\w+\}/g, "019ab2f4-6f1e-7c3a-9d3e-0a8d1c2b3a4f");
      const verb = method.toUpperCase();
      const attempts = [
        send(verb, filled, body ? {} : undefined, { authorization: "Bearer no.such.token" }),
        send(verb, filled, body ? { "no such member": 1 } : undefined, lead),
      ];
      for (const { status } of await Promise.all(attempts)) seen.add(status);
    }
    for (const status of [401, 403, 404, 422]) expect(seen).toContain(status);
    expect([...seen].filter((status) => status >= 500)).toEqual([]);
    expect(objections).toEqual([]);
    // It does look: requests that the document does not allow have been noticed.
    expect(noticed).toBeGreaterThan(10);
  }, 120_000);
}
