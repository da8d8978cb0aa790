/** The engine over a real journal, with a model that waits at gates: order, stops, repeats, failures, prompts. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { buildContext } from "../../src/chat/engine/context.ts";
import { steady } from "../../src/chat/clock.ts";
import { FREELY } from "../../src/chat/engine/admission.ts";
import { Engine } from "../../src/chat/engine/engine.ts";
import { TurnQueue } from "../../src/chat/engine/queue.ts";
import type { TurnInput } from "../../src/chat/engine/repeat.ts";
import { TIMEOUTS } from "../../src/chat/engine/watchdog.ts";
import { conversationIdIn, IdSource, isConversationId, newConversationId } from "../../src/chat/id.ts";
import * as edits from "../../src/chat/journal/edits.ts";
import { type ModelEvent, ModelFailure, type ModelRequest } from "../../src/chat/ports.ts";
import { followConversation } from "../../src/chat/projection/follow.ts";
import { Typing } from "../../src/chat/projection/typing.ts";
import type { Turn } from "../../src/chat/turn.ts";
import { nextAlarm } from "../../src/object/alarm.ts";
import { AGENT, bench } from "./journal-harness.ts";

/** What a model does: its events, with a promise wherever it waits. */
type Script = (request: ModelRequest) => AsyncIterable<ModelEvent>;

async function* says(...texts: string[]): AsyncGenerator<ModelEvent> {
  for (const text of texts) yield { type: "text", text };
  yield { type: "finish", usage: null };
}

function engineOf(play: Script = ({ messages }) => says(`to ${messages.at(-1)?.content}`)) {
  const b = bench();
  const requests: ModelRequest[] = [];
  const open = () => ({
    name: "test/model",
    stream: (request: ModelRequest) => {
      requests.push(request);
      return play(request);
    },
  });
  const agent = {
    ...AGENT,
    links: [{ name: "test/model", timeouts: TIMEOUTS, price: null, open }] as [never],
  };
  const engine = new Engine({
    journal: b.journal,
    clock: b.clock,
    sleep: () => Promise.resolve(),
    log: () => undefined,
    loadAgent: () => Promise.resolve(agent as never),
    ids: () => b.ids,
    changed: () => undefined,
    onChange: () => undefined,
    onEnd: () => undefined,
    abort: (reason) => {
      throw new Error(reason);
    },
  });
  const submit = (content: string, more: Partial<TurnInput> = {}) => {
    const input = { principal: "user:person", idempotency_key: null, body_hash: content, content, metadata: {} };
    const accepted = engine.submit({ ...input, output_schema: null, on_busy: "enqueue", ...more }, FREELY);
    if (!accepted.ok) throw new Error(accepted.error.code);
    // Somebody waits for the answer.
    accepted.value.live?.waiting.add(content);
    return accepted.value;
  };
  /** Answers the message of a turn that has ended anew. */
  const regenerate = ({ id, user_sequence }: Turn): Promise<Turn> =>
    engine.stopFor(false, () =>
      b.journal.transaction(() => {
        edits.deleteMessagesAfter(b.edit(), user_sequence ?? 0, `anew ${b.clock()}`);
        const turn = b.journal.turns.byId(id);
        if (!turn) throw new Error("no turn");
        return engine.rerun(turn, null).live?.ended ?? Promise.resolve(turn);
      }),
    );
  const texts = () =>
    b.journal.store.rows("SELECT content FROM message ORDER BY sequence").map((row) => row["content"]);
  return { ...b, engine, submit, regenerate, texts, requests };
}

/** Fails at the calls with these numbers, and answers the others with theirs. */
function failing(...at: number[]): Script {
  let calls = 0;
  return async function* () {
    if (at.includes(++calls)) throw new ModelFailure("error", "no");
    yield* says(`answer ${calls}`);
  };
}

describe("turns", () => {
  it("run one after another in order of arrival", async () => {
    const { submit, texts } = engineOf();
    const turns = ["a", "b", "c"].map((text) => submit(text).live);
    for (const live of turns) await live?.ended;
    expect(texts()).toEqual(["a", "to a", "b", "to b", "c", "to c"]);
  });

  it("stop at once with what was said, whatever the model does afterwards", async () => {
    const gate = Promise.withResolvers<void>();
    const { engine, submit, texts } = engineOf(async function* () {
      yield { type: "text", text: "half" };
      await gate.promise;
      yield { type: "text", text: " and more" };
      yield { type: "finish", usage: null };
    });
    const { live } = submit("a");
    if (live) live.watchers++;
    while (!live?.eventAfter(1)) await Promise.resolve();
    expect(engine.stop()).toMatchObject({ ok: true, value: { status: "stopped" } });
    expect(texts()).toEqual(["a", "half"]);
    gate.resolve();
    await live.ended;
    await new Promise((resolve) => setTimeout(resolve, 0));
    expect(texts()).toEqual(["a", "half"]);
    expect(engine.isIdle).toBe(true);
  });

  it("are found again by an identical body only where that is the newest turn and its answer did not arrive", async () => {
    const { submit, texts, journal } = engineOf();
    for (const text of ["yes", "no", "yes"]) await submit(text).live?.ended;
    expect(texts().filter((text) => text === "yes")).toHaveLength(2);
    const last = journal.turns.last();
    if (!last) throw new Error("no turn");
    journal.noteAnswered(last, false);
    expect(submit("yes")).toMatchObject({ isRepeat: true, turn: { id: last.id } });
    journal.noteAnswered(last, true);
    expect(submit("yes").isRepeat).toBe(false);
  });

  it("end as failed where a reply does not fit its row, and the next one goes on", async () => {
    const { submit, journal, engine } = engineOf(() => says("x".repeat(3 * 1024 * 1024)));
    const ended = await submit("long").live?.ended;
    expect(ended).toMatchObject({ status: "failed", error: { code: "model_error" } });
    expect(journal.messages.at(2)?.content.length).toBeLessThanOrEqual(1024 * 1024);
    expect(engine.isIdle).toBe(true);
    await submit("next").live?.ended;
    expect(journal.header.next_sequence).toBe(5);
  });

  it("answer a failed one again in its place", async () => {
    let fails = 2;
    const { submit, texts } = engineOf(async function* () {
      if (fails-- > 0) throw new ModelFailure("error", "no");
      yield* says("better");
    });
    const first = submit("a");
    expect(await first.live?.ended).toMatchObject({ status: "failed" });
    expect(await submit("a").live?.ended).toMatchObject({ id: first.turn.id, status: "failed" });
    expect(await submit("a").live?.ended).toMatchObject({ id: first.turn.id, status: "completed" });
    expect(texts()).toEqual(["a", "better"]);
  });
});

describe("a reply that was made anew", () => {
  it("leaves the former one to be found by its id, and to be restored as it was", async () => {
    const { submit, regenerate, journal, edit } = engineOf(failing(2));
    const keyed = { idempotency_key: "k" };
    const first = await submit("a", keyed).live?.ended;
    if (!first) throw new Error("no turn");
    const former = journal.messages.ofTurn(first).reply;
    const anew = await regenerate(first);
    expect(anew.status).toBe("failed");
    const { reply } = journal.messages.ofTurn(anew);
    const found = journal.messages.find(former?.id ?? "");
    if (!reply || !found) throw new Error("not found");
    expect(edits.restoreMessage(edit(), found)).toMatchObject({ ok: false, error: { code: "conflict" } });
    edits.deleteMessage(edit(), reply);
    expect(edits.restoreMessage(edit(), found)).toMatchObject({ ok: true, value: former });
    // The turn has an answer again: whoever asks for it once more is given that, and no model is asked.
    expect(submit("a", keyed)).toMatchObject({ isRepeat: true, turn: { status: "completed", error: null } });
    expect(journal.messages.at(2)).toEqual(former);
  });

  it("goes to a place of its own where the failed one was deleted while the turn waited", async () => {
    const gate = Promise.withResolvers<void>();
    const play = failing(1);
    const { submit, journal, edit } = engineOf(async function* (request) {
      if (request.messages.at(-1)?.content === "slow") await gate.promise;
      yield* play(request);
    });
    const keyed = { idempotency_key: "k" };
    const failed = await submit("a", keyed).live?.ended;
    const reply = failed && journal.messages.ofTurn(failed).reply;
    if (!reply) throw new Error("no reply");
    const slow = submit("slow").live;
    const again = submit("a", keyed);
    expect(again.turn.status).toBe("queued");
    edits.deleteMessage(edit(), reply);
    gate.resolve();
    await slow?.ended;
    const ended = await again.live?.ended;
    expect(ended && journal.messages.ofTurn(ended).reply).toMatchObject({ status: "complete", deleted_at: null });
    expect(journal.messages.at(reply.sequence)).toMatchObject({ content: reply.content, status: "failed" });
  });
});

describe("whoever follows from now on", () => {
  it("is told of turns that had ended before, once they are run again", async () => {
    const { submit, journal, engine } = engineOf(failing(1, 2));
    const keyed = [{ idempotency_key: "a" }, { idempotency_key: "b" }];
    for (const [n, key] of keyed.entries()) await submit(`message ${n}`, key).live?.ended;
    await submit("last").live?.ended;
    const left = new AbortController();
    const source = { engine, journal, typing: new Typing() };
    const frames = followConversation(source, null, left.signal, new AbortController().signal);
    await frames.next();
    for (const [n, key] of [...keyed.entries()].toReversed()) {
      const { turn } = submit(`message ${n}`, key);
      const told: string[] = [];
      while (told.at(-1) !== "response") {
        const { value } = await frames.next();
        for (const frame of value ?? []) if (frame.turn?.id === turn.id) told.push(frame.event.type);
      }
      expect(told).toEqual(["status", "delta", "status", "response"]);
    }
    left.abort();
  });
});

describe("what a model is shown", () => {
  it("is valid for the strictest provider after any failures, stops, deletes and restores", async () => {
    const step = fc.tuple(
      fc.constantFrom("ok", "fail", "stop", "blank", "delete", "restore", "bulk", "back"),
      fc.nat(30),
    );
    const property = fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      let outcome = "ok";
      const { submit, journal, edit, engine, requests } = engineOf(async function* () {
        if (outcome === "fail") throw new ModelFailure("error", "no");
        if (outcome === "stop") return void engine.stop();
        yield* says(outcome === "blank" ? " \n " : "fine");
      });
      let n = 0;
      const turn = async (how: string) => {
        outcome = how;
        await submit(`message ${n++}`).live?.ended;
      };
      for (const [what, at] of steps) {
        const message = journal.messages.at((at % Math.max(1, journal.header.next_sequence - 1)) + 1);
        if (["ok", "fail", "stop", "blank"].includes(what)) await turn(what);
        else if (what === "delete" && message) edits.deleteMessage(edit(), message);
        else if (what === "restore" && message) edits.restoreMessage(edit(), message);
        else if (what === "bulk") edits.deleteMessagesAfter(edit(), at, `bulk-${at}`);
        else edits.restoreAllMessages(edit(), null);
      }
      await turn("ok");
      for (const { messages, questions } of requests) {
        expect(messages.map(({ role }) => role)).toEqual(messages.map((_, i) => (i % 2 === 0 ? "user" : "assistant")));
        expect(messages.at(-1)?.role).toBe("user");
        expect(messages.every(({ content }) => /\S/.test(content))).toBe(true);
        expect(messages.at(-1)?.content.endsWith(questions?.at(-1) ?? "?")).toBe(true);
      }
    });
    await fc.assert(property, { numRuns: 60 });
  });

  it("is read no further than the budget allows", () => {
    const { journal, turn } = bench({ max_context_length: 4000 });
    for (let n = 0; n < 50; n++) turn(`message ${n}`, "x".repeat(4000));
    let read = 0;
    const counted = (function* () {
      for (const message of journal.messages.shownBefore(100)) {
        read++;
        yield message;
      }
    })();
    const settings = { instructions: "", tools_tokens: 0, max_input_tokens: 5_000 };
    expect(buildContext(counted, 4000, settings, null).tokens).toBeLessThanOrEqual(5_000);
    expect(read).toBeLessThan(14);
  });
});

describe("the queue", () => {
  it("gives its turns out in order, and none while it is paused", () => {
    const queue = new TurnQueue<string>();
    expect(queue.admit("enqueue", false)).toEqual({ action: "run" });
    expect([queue.push("a"), queue.push("b"), queue.push("c")]).toEqual([1, 2, 3]);
    expect(queue.admit("reject", false)).toEqual({ action: "refuse", code: "turn_in_progress" });
    expect(queue.paused(() => queue.next())).toBeUndefined();
    expect([queue.drop("b"), queue.drop("b")]).toEqual([true, false]);
    expect([queue.next(), queue.next(), queue.next()]).toEqual(["a", "c", undefined]);
    for (let n = 0; n < 16; n++) queue.push(String(n));
    expect(queue.admit("interrupt", true)).toEqual({ action: "refuse", code: "turn_queue_full" });
  });
});

describe("the clock", () => {
  it("does not go back where another one is a little behind, and follows none that was far ahead", () => {
    let at = 1_000_000;
    const now = steady(() => at, 1_000_500);
    expect(now()).toBe(1_000_500);
    at += 700;
    expect(now()).toBe(1_000_700);
    at -= 300;
    expect(now()).toBe(1_000_700);
    at -= 500_000;
    expect(now()).toBe(at + 60_000);
  });
});

describe("the alarm", () => {
  const idle = { isBusy: false, isBehind: false, failures: 0, oldestDeltas: null, returnAt: null, random: 1 };
  it("rings as early as anything needs it, and not at all where nothing does", () => {
    const next = (changes: Partial<Parameters<typeof nextAlarm>[0]>) => nextAlarm({ ...idle, ...changes }, 1_000_000);
    expect(next({})).toBeNull();
    expect(next({ isBusy: true })).toBe(1_030_000);
    expect(next({ isBehind: true, failures: 1 })).toBe(1_002_000);
    expect(next({ isBusy: true, isBehind: true, failures: 2 })).toBe(1_004_000);
    expect(next({ isBehind: true, failures: 50 })).toBe(1_060_000);
    expect(next({ oldestDeltas: 900_000 })).toBe(900_000 + 86_400_001);
  });
});

describe("ids", () => {
  it("lead from a message or turn to its conversation, in order; what was made up does not", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1_735_689_600_000, max: 4e12 }), fc.uuid({ version: 7 }), (now, other) => {
        const id = newConversationId(now);
        expect(isConversationId(id)).toBe(true);
        const ids = new IdSource(id, () => now, []);
        const { id: turn, user_message_id, reply_id } = ids.turn();
        const made = [turn, user_message_id, reply_id, ids.next()];
        expect(made.map(conversationIdIn)).toEqual([id, id, id, id]);
        expect(made).toEqual([...new Set(made)].toSorted());
        // What comes after an import is later than it, though the clock has not moved.
        expect(new IdSource(id, () => now, made).next() > (made.at(-1) ?? "")).toBe(true);
        expect(isConversationId(other)).toBe(false);
      }),
    );
  });
});
