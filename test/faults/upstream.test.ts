/** A model that refuses, hangs, breaks off or talks rubbish: the message stays, the answer says what is wrong, and goes on. */
import { describe, expect, it } from "vitest";
import { complete, type Step } from "../upstream/client.ts";
import { isDelta } from "./client.ts";
import { useSite } from "./site.ts";
import { verify } from "./verify.ts";

/** Words that only the upstream says; no answer and no log may hold them. */
const SECRET = "upstream-secret-words";

const refusal = (status: number): Step[] => [{ status, body: { error: { message: SECRET, key: SECRET } } }];
const said = (...texts: string[]): Step[] => texts.map((text) => ({ text }));
const seconds = { first_token_timeout_ms: 1_000, token_timeout_ms: 1_000 };

type Case = {
  name: string;
  scripts: Step[][];
  settings?: object;
  status: number;
  code: string;
  /** What the failed reply holds. */
  content?: string;
  /** How often the model is asked. */
  calls: number;
};

const failures: Case[] = [
  { name: "429 twice", scripts: [refusal(429)], status: 503, code: "model_unavailable", calls: 2 },
  { name: "503 twice", scripts: [refusal(503)], status: 503, code: "model_unavailable", calls: 2 },
  { name: "429, then 500", scripts: [refusal(429), refusal(500)], status: 502, code: "model_error", calls: 2 },
  { name: "500", scripts: [refusal(500)], status: 502, code: "model_error", calls: 1 },
  { name: "401", scripts: [refusal(401)], status: 502, code: "model_error", calls: 1 },
  { name: "a reset before anything", scripts: [[{ reset: true }]], status: 503, code: "model_unavailable", calls: 2 },
  {
    name: "a reset in mid-answer",
    scripts: [[...said("one ", "two "), { wait_ms: 100 }, { reset: true }]],
    status: 502,
    code: "model_error",
    content: "one two ",
    calls: 1,
  },
  {
    name: "429 inside an answer that had begun",
    scripts: [[...said("one "), { error: { code: 429, message: SECRET } }]],
    status: 502,
    code: "model_error",
    content: "one ",
    calls: 1,
  },
  {
    name: "silence before the first token",
    scripts: [[{ hang: true }]],
    settings: seconds,
    status: 504,
    code: "model_timeout",
    calls: 1,
  },
  {
    name: "silence in mid-answer",
    scripts: [[...said("one "), { hang: true }]],
    settings: seconds,
    status: 504,
    code: "model_timeout",
    content: "one ",
    calls: 1,
  },
  {
    name: "a drip that never ends",
    scripts: [Array.from({ length: 200 }, () => [{ text: "." }, { wait_ms: 50 }]).flat()],
    settings: { turn_timeout_ms: 1_500 },
    status: 504,
    code: "model_timeout",
    calls: 1,
  },
  {
    name: "garbage",
    scripts: [[{ raw: `data: {"choices":[{"delta":\n\n<html>${SECRET}` }]],
    status: 502,
    code: "model_error",
    calls: 1,
  },
  {
    name: "a page instead of a stream",
    scripts: [[{ raw: `<html>${SECRET}</html>` }]],
    status: 502,
    code: "model_error",
    calls: 1,
  },
  {
    name: "bytes that are no text",
    scripts: [[{ bytes_base64: "//79/A==" }]],
    status: 502,
    code: "model_error",
    calls: 1,
  },
  {
    name: "an end without a finish",
    scripts: [said("one ")],
    status: 502,
    code: "model_error",
    content: "one ",
    calls: 1,
  },
  { name: "nothing but an end", scripts: [complete([])], status: 502, code: "model_error", calls: 1 },
  {
    name: "10 MB",
    scripts: [Array.from({ length: 160 }, () => ({ text: "x".repeat(65_536) }))],
    status: 502,
    code: "model_error",
    content: "x".repeat(1024 * 1024),
    calls: 1,
  },
];

const shared = useSite();

describe.concurrent("a model that fails", () => {
  it.for(failures.map((failure, n) => ({ ...failure, model: `failure-${n}` })))(
    "with $name gives $status $code; the message stays, and the next turn works",
    async ({ model, scripts, settings, status, code, content = "", calls }) => {
      const { client, up } = shared.site;
      await up.script(model, ...scripts);
      const id = await client.conversation(await client.agent(model, settings));
      const failed = await client.chat(id, "question", { key: "k" });
      expect(failed).toMatchObject({ status, body: { code, status } });
      const { turn_id, message_id } = failed.body;
      expect(await up.requests(model)).toHaveLength(calls);

      const before = await client.history(id);
      expect(before).toMatchObject([
        { id: message_id, turn_id, sequence: 1, role: "user", status: "complete", content: "question" },
        { turn_id, sequence: 2, role: "assistant", status: "failed" },
      ]);
      expect(before[1]?.content.slice(0, content.length)).toBe(content);
      const replay = await client.follow(id, { turn_id });
      const events = await replay.rest();
      expect(events.at(-1)).toMatchObject({
        event: "chat_response",
        data: { status: "failed", error: { code, turn_id } },
      });
      expect(replay.text()).toBe(before[1]?.content);

      await up.script(model, complete(["fine"]));
      expect(await client.chat(id, "next")).toMatchObject({ status: 200, body: { content: "fine" } });
      const shown = (await up.requests(model)).at(-1)?.body.messages;
      expect(shown.map((message: { content: string }) => message.content)).toEqual(["question\n\nnext"]);
      const retried = await client.chat(id, "question", { key: "k" });
      expect(retried).toMatchObject({
        status: 200,
        body: { turn_id, message_id, content: "fine", reply: { sequence: 2 } },
      });
      expect(await verify(shared.site, id)).toHaveLength(4);
      expect(JSON.stringify([failed.body, events, before])).not.toContain(SECRET);
    },
  );

  it.for([
    { name: "429", script: refusal(429) },
    { name: "503", script: refusal(503) },
    { name: "a reset connection", script: [{ reset: true }] satisfies Step[] },
  ])("with $name before its first token is asked once more", async ({ name, script }) => {
    const { client, up } = shared.site;
    const model = `once-${name.replaceAll(" ", "-")}`;
    await up.script(model, script, complete(["second try"]));
    const id = await client.conversation(await client.agent(model));
    expect(await client.chat(id, "question")).toMatchObject({ status: 200, body: { content: "second try" } });
    expect(await up.requests(model)).toHaveLength(2);
    expect(await verify(shared.site, id)).toHaveLength(2);
  });

  it("tells its streams what happened as it does its JSON", async () => {
    const { client, up } = shared.site;
    await up.script("told", [...said("half "), { gate: "told" }, { reset: true }]);
    const id = await client.conversation(await client.agent("told"));
    const follower = await client.follow(id);
    const stream = await client.stream(id, "question");
    const answer = client.chat(id, "question");
    await stream.until(isDelta);
    await up.openGate("told");
    const events = await stream.rest();
    expect(events.map(({ event }) => event)).toEqual(["chat_status", "chat_response"]);
    expect(events[1]?.data).toMatchObject({ status: "failed", message: { content: "half " } });
    const { request_id: _, ...error } = events[1]?.data.error;
    const { status, body } = await answer;
    expect(status).toBe(502);
    expect(body).toMatchObject(error);
    const followed = await follower.until(({ event }) => event === "chat_response");
    expect(followed.data.message).toEqual(events[1]?.data.message);
    await follower.cancel();
  });
});

describe("a model that is merely slow", () => {
  it("is waited for, piece by piece", async () => {
    const { client, up } = shared.site;
    const pieces = Array.from({ length: 30 }, (_, n) => `${n} `);
    await up.script("slow", [
      ...pieces.flatMap((text) => [{ text }, { wait_ms: 60 }]),
      { finish: "stop" },
      { done: true },
    ]);
    const id = await client.conversation(await client.agent("slow", seconds));
    const stream = await client.stream(id, "count");
    expect((await stream.rest()).at(-1)?.data.message.content).toBe(pieces.join(""));
    expect(stream.text()).toBe(pieces.join(""));
    expect(stream.seen.filter(isDelta).length).toBeGreaterThan(4);
  });
});

describe("the log", () => {
  it("holds no word of the upstream's", () => {
    const log = shared.site.logs.join("\n");
    expect(log).toContain("model_failed");
    expect(log).not.toContain(SECRET);
  });
});
