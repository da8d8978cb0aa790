/** The engine while a person has the conversation: over the journal in plain node, with a model behind gates. */
import { expect, it } from "vitest";
import { FREELY } from "../../src/chat/engine/admission.ts";
import { Engine } from "../../src/chat/engine/engine.ts";
import type { TurnInput } from "../../src/chat/engine/repeat.ts";
import type { TurnAgent } from "../../src/chat/engine/turn-agent.ts";
import { giveBack, takeOver } from "../../src/chat/journal/handling.ts";
import { Journal } from "../../src/chat/journal/journal.ts";
import type { ModelEvent } from "../../src/chat/ports.ts";
import { replayNext } from "../../src/chat/projection/replay.ts";
import { AGENT, bench } from "./journal-harness.ts";

const ANN = { entity_id: "ann", name: "Ann" };

/** An engine whose model says "half " and goes on when `gate` resolves; `begun` resolves when it has begun. */
function engineOver(b: ReturnType<typeof bench>, journal = b.journal) {
  const gate = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  let requests = 0;
  async function* stream(): AsyncGenerator<ModelEvent> {
    requests++;
    yield { type: "text", text: "half " };
    begun.resolve();
    await gate.promise;
    yield { type: "text", text: "more" };
    yield { type: "finish", usage: null };
  }
  const timeouts = { firstToken: 60_000, betweenTokens: 60_000, wholeTurn: 600_000 };
  const agent: TurnAgent = {
    ...AGENT,
    links: [{ name: "m/m", timeouts, price: null, open: () => ({ name: "m/m", stream }) }],
  };
  const engine = new Engine({
    journal,
    loadAgent: async () => agent,
    clock: b.clock,
    sleep: () => new Promise(() => {}),
    log: () => {},
    ids: () => b.ids,
    changed: () => undefined,
    onChange: () => {},
    onEnd: () => {},
    abort: (reason) => {
      throw new Error(reason);
    },
  });
  const ask = (content: string, key: string | null = null) => {
    const input: TurnInput = {
      ...{ principal: "user:person", idempotency_key: key, body_hash: content, content, metadata: {} },
      ...{ output_schema: null, on_busy: "enqueue" },
    };
    const accepted = engine.submit(input, FREELY);
    if (!accepted.ok) throw new Error(accepted.error.code);
    return accepted.value;
  };
  return { engine, ask, gate, begun: begun.promise, requests: () => requests };
}

const said = (journal: Journal) =>
  journal.messages.history
    .page({ order: "asc", cursor: null, offset: 0, limit: 100 })
    .messages.map(({ role, content }) => `${role}: ${content}`);

it("a take-over ends what runs, holds what waits, and nothing of the model follows", async () => {
  const b = bench();
  const { engine, ask, gate, begun, requests } = engineOver(b);
  const running = ask("one");
  const waiting = ask("two");
  await begun;
  engine.stopFor(false, () => takeOver(b.edit(), ANN, null));
  expect(engine.isIdle).toBe(true);
  expect(said(b.journal)).toEqual(["user: one", "assistant: half ", "user: two"]);
  gate.resolve();
  const turns = await Promise.all([running.live?.ended, waiting.live?.ended]);
  expect(turns).toMatchObject([{ status: "stopped" }, { status: "completed", kind: "held", reply_sequence: null }]);
  await new Promise((resolve) => setTimeout(resolve, 0));
  expect(said(b.journal)).toEqual(["user: one", "assistant: half ", "user: two"]);
  expect(requests()).toBe(1);
  expect(b.journal.turns.open()).toEqual([]);
});

it("the events of a held turn are the same live and replayed", async () => {
  const b = bench();
  const { engine, ask, begun } = engineOver(b);
  ask("one");
  const { live } = ask("two");
  await begun;
  engine.stopFor(false, () => takeOver(b.edit(), ANN, null));
  const turn = await live?.ended;
  if (!live || !turn) throw new Error("it waited");
  const last = live.eventAfter(turn.event_base);
  expect(last).toEqual({ n: turn.last_event, type: "status", status: "completed" });
  expect(replayNext(b.journal, turn, turn.event_base)).toEqual([last]);
  expect(replayNext(b.journal, turn, turn.last_event ?? 0)).toEqual([]);
});

it("a message is stored once by its key, and by its body for as long as its answer may be lost", () => {
  const b = bench();
  takeOver(b.edit(), ANN, null);
  const { ask } = engineOver(b);
  const first = ask("hi", "k");
  expect(first).toMatchObject({ live: null, isRepeat: false, turn: { kind: "held" } });
  expect(ask("hi", "k")).toMatchObject({ isRepeat: true, turn: { id: first.turn.id } });
  const unkeyed = ask("hello");
  b.journal.say(
    { ...unkeyed.turn, ...b.ids.turn(), principal: "user:ann", idempotency_key: null, content: "Yes?" },
    { type: "staff", ...ANN },
    b.clock(),
  );
  expect(ask("hello")).toMatchObject({ isRepeat: true, turn: { id: unkeyed.turn.id } });
  b.journal.noteAnswered(unkeyed.turn, true);
  expect(ask("hello")).toMatchObject({ isRepeat: false });
  expect(said(b.journal)).toEqual(["user: hi", "user: hello", "assistant: Yes?", "user: hello"]);
});

it("a failed turn that is sent again is held, and its message is there once", () => {
  const b = bench();
  const { turn } = b.turn("hi", "", "failed");
  takeOver(b.edit(), ANN, null);
  const held = engineOver(b).ask("hi");
  expect(held).toMatchObject({ live: null, turn: { id: turn.id, kind: "held", status: "completed", error: null } });
  expect(said(b.journal).filter((text) => text.startsWith("user"))).toEqual(["user: hi"]);
});

it("after a crash in a take-over no waiting turn is answered by the model", async () => {
  const b = bench();
  const { ask, begun } = engineOver(b);
  ask("one");
  ask("two");
  await begun;
  takeOver(b.edit(), ANN, null);
  const journal = new Journal(b.storage);
  const again = engineOver(b, journal);
  again.engine.recover();
  expect(again.engine.isIdle).toBe(true);
  expect(again.requests()).toBe(0);
  expect(said(journal).at(-1)).toBe("user: two");
});

it("counts what each side has not read, and says when the agent has it back", () => {
  const b = bench();
  takeOver(b.edit(), ANN, b.clock() + 1000);
  expect(b.journal.header).toMatchObject({ handled_by: "staff", handler_id: "ann", handler_name: "Ann" });
  engineOver(b).ask("one");
  expect(b.journal.messages.unread()).toEqual({ unread_lead: 0, unread_staff: 1 });
  const input = { principal: "user:ann", idempotency_key: null, body_hash: "", metadata: {}, output_schema: null };
  b.journal.say({ ...input, ...b.ids.turn(), content: "Yes?" }, { type: "staff", ...ANN }, b.clock());
  expect(b.journal.messages.unread()).toEqual({ unread_lead: 1, unread_staff: 0 });
  giveBack(b.edit(), ANN);
  expect(b.journal.header).toMatchObject({ handled_by: "agent", handler_id: null, return_at: null });
});
