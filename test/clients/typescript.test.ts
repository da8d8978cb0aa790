/** The typed client, built as it is shipped, over connections that lose answers and break off in the middle. */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { buildClient } from "../../clients/typescript/build.ts";
import { KEYED } from "../../clients/typescript/src/retry.ts";
import { api as routes } from "../../src/app.ts";
import { root } from "../../src/cli/tool/project.ts";
import { openApiDocument } from "../../src/openapi/document.ts";
import { api as baseUrl, complete, history, key, newAgent, newConversation, newToken, spoken, up } from "./service.ts";

const folder = join(root, "clients/typescript");
const { api_key: apiKey, api_secret: apiSecret } = key;
let createClient: (options: object) => any;

beforeAll(async () => {
  await buildClient();
  ({ createClient } = await import(join(folder, "dist/client.js")));
}, 120_000);

const clientWith = (send: typeof fetch = fetch) =>
  createClient({ baseUrl, credentials: { apiKey, apiSecret }, fetch: send });

/** A connection that loses the first answers: the service has carried out what they are about. */
function losing(answers: number) {
  const keys: (string | null)[] = [];
  const send = (async (request: Request) => {
    keys.push(request.headers.get("idempotency-key"));
    const response = await fetch(request);
    if (keys.length > answers) return response;
    await response.text();
    throw new TypeError("fetch failed");
  }) as typeof fetch;
  return { keys, send };
}

/** Connections that each break off once `pieces` pieces of a reply have come. */
function breaking(pieces: number) {
  const requests: { method: string; last: string | null }[] = [];
  const send = (async (request: Request) => {
    requests.push({ method: request.method, last: request.headers.get("last-event-id") });
    const response = await fetch(request);
    if (!response.body) return response;
    const decoder = new TextDecoder();
    let seen = 0;
    const cut = new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        controller.enqueue(chunk);
        seen += decoder.decode(chunk, { stream: true }).split("event: chat_delta").length - 1;
        if (seen >= pieces) controller.error(new TypeError("terminated"));
      },
    });
    return new Response(response.body.pipeThrough(cut), response);
  }) as typeof fetch;
  return { requests, send };
}

async function all(events: AsyncIterable<any>): Promise<any[]> {
  const seen = [];
  for await (const event of events) seen.push(event);
  return seen;
}
const textOf = (events: any[]) => events.map((event) => (event.type === "chat_delta" ? event.text : "")).join("");

it("does what its own page says: the example compiles under strict, and holds a conversation", async () => {
  const example = /```ts\n([\s\S]*?)```/.exec(readFileSync(join(folder, "README.md"), "utf8"))?.[1] ?? "";
  const file = join(folder, "dist/example.ts");
  writeFileSync(file, example);
  const tsc = createRequire(join(folder, "package.json")).resolve("typescript/bin/tsc");
  const strict = [
    "--noEmit",
    "--strict",
    "--target",
    "es2022",
    "--module",
    "nodenext",
    "--types",
    "node",
    "--skipLibCheck",
  ];
  execFileSync(process.execPath, [tsc, ...strict, file], { cwd: folder, stdio: "pipe" });

  const AGENT_ID = await newAgent("builtin/echo");
  const env = { ...process.env, API_URL: baseUrl, API_KEY: apiKey, API_SECRET: apiSecret, AGENT_ID };
  const printed = execFileSync(process.execPath, ["--no-warnings", file], { cwd: folder, env, encoding: "utf8" });
  const [reply, status, ...messages] = printed.trim().split("\n");
  expect(reply).toContain("Are you open on Saturday?");
  expect(status).toBe("completed");
  expect(messages).toEqual(["user: Are you open on Saturday?", `assistant: ${reply}`]);
});

describe("a call whose answer is lost", () => {
  it("is sent again with the same key, and done once", async () => {
    const agent_id = await newAgent("typed-lost", [complete(["One"]), complete(["Two"])]);
    const { keys, send } = losing(2);
    const { data } = await clientWith(send).POST("/conversation", { body: { agent_id } });
    expect(new Set(keys).size).toBe(1);
    expect(keys).toEqual([expect.stringMatching(/^[0-9a-f-]{36}$/), keys[0], keys[0]]);

    const chat = losing(2);
    const { id } = data.conversation;
    const path = { params: { path: { id } } };
    const answer = await clientWith(chat.send).POST("/conversation/{id}/chat", { ...path, body: { message: "hi" } });
    expect(answer.data.content).toBe("One");
    expect(new Set(chat.keys).size).toBe(1);
    expect(await spoken(id)).toEqual([
      ["user", "complete", "hi"],
      ["assistant", "complete", "One"],
    ]);
    const next = losing(0);
    await clientWith(next.send).POST("/conversation/{id}/chat", { ...path, body: { message: "hi" } });
    expect(next.keys).not.toContain(chat.keys[0]);
  });

  it("is not sent again where that could do it twice", async () => {
    const { keys, send } = losing(1);
    await expect(clientWith(send).POST("/auth/token", { body: { entity_type: "lead" } })).rejects.toThrow(
      "fetch failed",
    );
    expect(keys).toEqual([null]);
  });

  it("knows every operation that honours a key", async () => {
    const honoured = Object.entries<any>(openApiDocument(routes.specs).paths ?? {}).flatMap(([path, methods]) =>
      (methods.post?.parameters ?? []).some((one: any) => one.name === "idempotency-key") ? [path] : [],
    );
    expect(honoured.toSorted()).toEqual(KEYED.toSorted());
  });
});

describe("the events of a turn", () => {
  it("go on where a connection broke, without a gap and without one twice", async () => {
    const pieces = ["Once ", "upon ", "a ", "time ", "there ", "was ", "ü🌱."];
    const agent_id = await newAgent("typed-broken", [
      pieces.flatMap((text, i) => [{ text }, { gate: `typed-broken-${i}` }]).concat(complete([]) as any),
    ]);
    const id = await newConversation(agent_id, await newToken("user"));
    const { requests, send } = breaking(2);
    const events: any[] = [];
    for await (const event of clientWith(send).chat(id, "hi")) {
      // The next piece is said when this one has arrived, so that each is an event of its own.
      if (event.type === "chat_delta") await up.openGate(`typed-broken-${textOf(events).split(" ").length - 1}`);
      events.push(event);
    }
    expect(textOf(events)).toBe(pieces.join(""));
    expect(new Set(events.map((event) => event.id)).size).toBe(events.length);
    expect(events.at(-1)).toMatchObject({ type: "chat_response", status: "completed" });
    expect(requests.length).toBeGreaterThan(2);
    expect(requests.map(({ method }) => method)).toEqual(["POST", ...requests.slice(1).map(() => "GET")]);
    expect(requests.slice(1).every(({ last }) => last !== null)).toBe(true);
    expect(await spoken(id)).toEqual([
      ["user", "complete", "hi"],
      ["assistant", "complete", pieces.join("")],
    ]);
  });

  it("end with how it ended when the model fails, and a refusal is thrown", async () => {
    const agent_id = await newAgent("typed-failing", [[{ status: 401 }]]);
    const id = await newConversation(agent_id, await newToken("user"));
    const events = await all(clientWith().chat(id, { message: "hi" }));
    expect(events.at(-1)).toMatchObject({
      type: "chat_response",
      status: "failed",
      error: { code: expect.any(String) },
    });
    await expect(all(clientWith().chat(crypto.randomUUID(), "hi"))).rejects.toMatchObject({
      status: 404,
      problem: { code: "not_found" },
    });
  });

  it("of a whole conversation are followed until the reader leaves", async () => {
    const agent_id = await newAgent("builtin/echo");
    const id = await newConversation(agent_id, await newToken("user"));
    const [first] = await all(clientWith().chat(id, "one"));
    const leave = new AbortController();
    const texts: string[] = [];
    await all(clientWith().chat(id, "two"));
    for await (const event of clientWith().follow(id, { lastEventId: first.id, signal: leave.signal })) {
      if (event.type !== "chat_response") continue;
      texts.push(event.message.content);
      if (texts.length === 2) break;
    }
    expect(texts).toEqual((await history(id)).filter(({ role }) => role === "assistant").map(({ content }) => content));
  });
});

it("reads a whole list, page by page", async () => {
  const agent_id = await newAgent("builtin/echo");
  const token = await newToken("user");
  const made = [];
  for (let i = 0; i < 5; i++) made.push(await newConversation(agent_id, token));
  const { keys, send } = losing(0);
  const path = "/conversation/agent/{agent_id}";
  const listed = await all(clientWith(send).items(path, { path: { agent_id }, query: { per_page: 2 } }));
  expect(listed).toHaveLength(5);
  expect(new Set(listed.map(({ id }) => id))).toEqual(new Set(made));
  expect(keys).toHaveLength(3);
  await expect(all(clientWith().items(path, { path: { agent_id: "no" } }))).rejects.toMatchObject({
    name: "RequestFailed",
  });
});
