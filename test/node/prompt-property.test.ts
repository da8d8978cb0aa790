/**
 * What providers are sent after any history, as it stands in the bodies that arrive: the first message is the user's, roles
 * alternate, nothing is blank, the last message is the user's. Turns and summaries, in every protocol.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FREELY } from "../../src/chat/engine/admission.ts";
import { Engine } from "../../src/chat/engine/engine.ts";
import { summarise } from "../../src/chat/engine/summarise.ts";
import type { TurnAgent } from "../../src/chat/engine/turn-agent.ts";
import { TIMEOUTS } from "../../src/chat/engine/watchdog.ts";
import * as edits from "../../src/chat/journal/edits.ts";
import { giveBack, takeOver } from "../../src/chat/journal/handling.ts";
import type { Message } from "../../src/chat/message.ts";
import { contextReport, nextContext } from "../../src/chat/projection/context.ts";
import type { ProviderKind } from "../../src/models/catalog.ts";
import type { Step } from "../upstream/client.ts";
import { answering, KINDS, protocolOf, sent } from "../upstream/protocols.ts";
import { bench, messageOf } from "./journal-harness.ts";
import { useUpstream } from "./models-harness.ts";

const up = useUpstream();
let count = 0;

const ANN = { entity_id: "ann", name: "Ann" };
const BLANKS = [" ", "\n\n", "\u00a0", "\u3000", "\u2028", "\u0085", "\u001c"];

/** Role and texts of each message that a body has; what a tool answered counts as the user's. */
function saidIn(kind: ProviderKind, body: any): [role: string, texts: string[]][] {
  const texts = (parts: any[]): string[] => parts.flatMap(({ text }) => (text === undefined ? [] : [text]));
  if (kind === "google") {
    return body.contents.map(({ role, parts }: any) => [role === "model" ? "assistant" : role, texts(parts)]);
  }
  if (kind === "anthropic") return body.messages.map(({ role, content }: any) => [role, texts(content)]);
  const said = body.messages.filter(({ role }: any) => role !== "system");
  const results = said.filter(({ role }: any, n: number) => role !== "tool" || said[n - 1].role !== "tool");
  return results.map(({ role, content, tool_calls }: any) => [
    role === "tool" ? "user" : role,
    content === null && tool_calls ? [] : [content],
  ]);
}

function expectValid(kind: ProviderKind, body: any): void {
  const said = saidIn(kind, body);
  expect(said.map(([role]) => role)).toEqual(said.map((_, n) => (n % 2 === 0 ? "user" : "assistant")));
  expect(said.at(-1)?.[0]).toBe("user");
  const all = said.flatMap(([, texts]) => texts);
  // As the strictest count: white space of any language that a provider may be written in.
  for (const text of all) expect(text).toMatch(/[^\s\p{White_Space}\p{Cc}]/u);
}

/** Messages that a conversation began with elsewhere: any roles, some blank, some failed. */
const imported = fc
  .array(
    fc.record({
      role: fc.constantFrom("user", "assistant"),
      content: fc.constantFrom("imported", "more of it", ...BLANKS),
      status: fc.constantFrom("complete", "complete", "stopped", "failed"),
    }),
    { maxLength: 6 },
  )
  .map((all) =>
    all.map((rest, n): Message => messageOf(n + 1, { ...rest, turn_id: `import-${n}` } as Partial<Message>)),
  );

const TURNS = [
  "ok",
  "same",
  "half",
  "refused",
  "blank",
  "thinks",
  "stopped",
  "calls",
  "calls and edits",
  "asks",
  "fits",
] as const;
const EDITS = ["delete", "restore", "bulk", "back", "anew", "take", "say", "give", "window", "summary"] as const;
const step = fc.record({ what: fc.constantFrom(...TURNS, ...EDITS), at: fc.nat(60) });

/** A conversation whose agent asks this kind of provider. */
function conversation(kind: ProviderKind, messages: Message[]) {
  const model = `prompt-${kind}-${count++}`;
  const b = bench({}, messages);
  const { journal } = b;
  const name = `look-${model}`;
  const tools = [up.tool(name)];
  const agent: TurnAgent = {
    ...{ instructions: "Be brief.", tools_tokens: 0, max_input_tokens: null, summarize: true, auto_title: false },
    ...{ last_resort: null, budgets: false, max_output_tokens: null, hand_over: { hours: null } },
    links: [{ name: model, timeouts: TIMEOUTS, price: null, open: () => up.open(model, { tools }, up.access(kind)) }],
  };
  const ports = { journal, clock: b.clock, log: () => undefined };
  const engine = new Engine({
    ...ports,
    sleep: () => Promise.resolve(),
    loadAgent: () => Promise.resolve(agent),
    ids: () => b.ids,
    changed: () => undefined,
    onChange: () => undefined,
    onEnd: () => undefined,
    abort: (reason) => {
      throw new Error(reason);
    },
  });
  const { begin, text, call, end, calls } = protocolOf(kind);
  const said = (...texts: string[]) => sent(...answering(kind, texts));
  const gate = () => `${model}-${b.clock()}`;

  /** What the model does in a turn. */
  const scripts: Record<(typeof TURNS)[number], (gate: string) => Step[][]> = {
    ok: () => [said("fine")],
    same: () => [said("fine")],
    half: () => [[...sent(...begin, text("half an")), { reset: true }]],
    refused: () => [[{ status: 403, body: {} }]],
    blank: () => [said(BLANKS[b.clock() % BLANKS.length] ?? " ")],
    thinks: () => [said("<think>only", " thinking</think>")],
    stopped: (name) => [[...sent(...begin, text("half")), { gate: name }, ...said("")]],
    calls: () => [sent(...begin, ...call("c1", name, {}), ...end(calls)), said("It is there.")],
    "calls and edits": () => [sent(...begin, ...call("c1", name, {}), ...end(calls)), said("It is there.")],
    asks: () => [sent(...begin, ...call("c1", "hand_over", { reason: "r", summary: "s" }), ...end(calls)), said(" ")],
    fits: () => [said(b.clock() % 2 === 0 ? "\n" : "no JSON"), said('{"a":1}')],
  };

  const submit = (content: string, output_schema: object | null = null) => {
    const input = { principal: "user:person", idempotency_key: null, body_hash: content, content, metadata: {} };
    const more = { output_schema, on_busy: "enqueue" } as Partial<object>;
    const accepted = engine.submit({ ...input, ...more } as Parameters<typeof engine.submit>[0], FREELY);
    // A body that is sent again may be one whose message was deleted.
    if (!accepted.ok) return null;
    accepted.value.live?.waiting.add(content);
    return accepted.value.live;
  };
  const messageAt = (at: number) => journal.messages.at((at % Math.max(1, journal.header.next_sequence - 1)) + 1);

  async function turn(how: (typeof TURNS)[number], at: number): Promise<void> {
    const own = gate();
    await up.client.script(model, ...scripts[how](own));
    const isEdited = how === "calls and edits";
    await up.client.script(`tools/${name}`, [...(isEdited ? [{ gate: own }] : []), { status: 200, body: {} }]);
    const live = submit(how === "same" ? "same" : `message ${b.clock()}`, how === "fits" ? { type: "object" } : null);
    if (!live) return;
    if (how === "stopped" || isEdited) {
      // A repeated body may have joined an earlier turn, which asks nobody.
      await Promise.race([up.client.waitAtGate(own), live.ended]);
      const message = messageAt(at);
      if (isEdited && message && message.turn_id !== live.turn.id) edits.deleteMessage(b.edit(), message);
      if (how === "stopped") engine.stop();
      await up.client.openGate(own);
    }
    await live.ended;
  }

  async function edit(what: (typeof EDITS)[number], at: number): Promise<void> {
    const message = messageAt(at);
    if (what === "delete" && message) edits.deleteMessage(b.edit(), message);
    else if (what === "restore" && message) edits.restoreMessage(b.edit(), message);
    else if (what === "bulk") edits.deleteMessagesAfter(b.edit(), at, `bulk-${at}`);
    else if (what === "back") edits.restoreAllMessages(b.edit(), null);
    else if (what === "take") takeOver(b.edit(), ANN, null);
    else if (what === "give") giveBack(b.edit(), ANN);
    else if (what === "window") edits.updateConversation(b.edit(), { max_context_length: (at % 6) + 1 });
    else if (what === "say") {
      const input = {
        principal: "user:ann",
        idempotency_key: null,
        body_hash: "",
        content: "A person says.",
        metadata: {},
      };
      journal.say({ ...input, output_schema: null, ...b.ids.turn() }, { type: "staff", ...ANN }, b.clock());
    } else if (what === "anew") {
      const last = journal.turns.last();
      if (!last || last.user_sequence === null || engine.rerunProblem(last) || journal.header.handled_by === "staff")
        return;
      await up.client.script(model, said("better"));
      edits.deleteMessagesAfter(b.edit(), last.user_sequence, `anew-${at}`);
      await engine.rerun(journal.turns.byId(last.id) ?? last, null).live?.ended;
    } else if (what === "summary") {
      await up.client.script(model, said("What was said."));
      await summarise(ports, agent, nextContext(journal, agent).shown);
    }
  }

  return { model, journal, agent, turn, edit, submit, said };
}

/** As vendors say that a request has too many tokens. */
const TOO_LONG: Record<ProviderKind, object> = {
  openai: { error: { code: "context_length_exceeded", message: "x" } },
  "openai-compatible": { object: "error", code: 400, message: "This model's maximum context length is 4096 tokens." },
  anthropic: { type: "error", error: { type: "invalid_request_error", message: "prompt is too long: 9 tokens > 8" } },
  google: {
    error: { code: 400, message: "The input token count (9) exceeds the maximum number of tokens allowed (8)." },
  },
  "workers-ai": { error: { code: 400, type: "exceed_context_size_error", message: "x" } },
};

describe.each(KINDS)("what %s is sent", (kind) => {
  it("is halved as often as it is too long, and ends with the newest question", async () => {
    const { model, turn, submit, said } = conversation(kind, []);
    const tooLong = [{ status: 400, body: TOO_LONG[kind] }];
    const bodies = async () => (await up.client.requests(model)).map(({ body }) => body);
    for (const _ of [1, 2, 3, 4]) await turn("ok", 0);
    await up.client.forget(model);
    await up.client.script(model, tooLong, tooLong, said("fine"));
    expect(await submit("newest")?.ended).toMatchObject({ status: "completed" });
    expect((await bodies()).map((body) => saidIn(kind, body).length)).toEqual([9, 3, 1]);

    // A question that no model takes does not stop those after it, although it is shown with them.
    await up.client.script(model, tooLong);
    expect(await submit("long")?.ended).toMatchObject({ status: "failed" });
    await up.client.forget(model);
    await up.client.script(model, ...Array.from({ length: 3 }, () => tooLong), said("fine"));
    expect(await submit("short")?.ended).toMatchObject({ status: "completed" });
    const all = await bodies();
    for (const body of all) expectValid(kind, body);
    expect(saidIn(kind, all.at(-1))).toEqual([["user", ["short"]]]);
  });

  it("is valid for the strictest provider after any history", { tags: "slow", timeout: 120_000 }, async () => {
    const property = fc.asyncProperty(imported, fc.array(step, { maxLength: 14 }), async (messages, steps) => {
      const { model, journal, agent, turn, edit } = conversation(kind, messages);
      for (const { what, at } of steps) {
        if (TURNS.some((one) => one === what)) await turn(what as (typeof TURNS)[number], at);
        else await edit(what as (typeof EDITS)[number], at);
        // Every message is shown, or named with a reason why not.
        const { messages: shown, left_out } = contextReport(journal, agent);
        const named = left_out.reduce((sum, { messages: n }) => sum + n, shown.length);
        expect(named).toBe(journal.header.next_sequence - 1);
      }
      await edit("give", 0);
      await turn("ok", 0);
      const requests = await up.client.requests(model);
      expect(requests.length).toBeGreaterThan(0);
      for (const { body } of requests) expectValid(kind, body);
    });
    await fc.assert(property, { numRuns: 40 });
  });
});
