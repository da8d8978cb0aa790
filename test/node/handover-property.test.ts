/**
 * From an acknowledged take-over on no byte of a model is stored or emitted, whatever was under way: a stream, a loop of tools,
 * a retry, a fallback, a structured answer and its repair, a summary. The model here is rude: it ignores that it was aborted.
 */
import fc, { type Scheduler } from "fast-check";
import { expect, it } from "vitest";
import { FREELY } from "../../src/chat/engine/admission.ts";
import { Engine } from "../../src/chat/engine/engine.ts";
import type { TurnInput } from "../../src/chat/engine/repeat.ts";
import { summarise } from "../../src/chat/engine/summarise.ts";
import type { TurnAgent } from "../../src/chat/engine/turn-agent.ts";
import * as handling from "../../src/chat/journal/handling.ts";
import * as edits from "../../src/chat/journal/edits.ts";
import { RareTable } from "../../src/chat/journal/rare-table.ts";
import { type Model, type ModelEvent, ModelFailure } from "../../src/chat/ports.ts";
import { followTurn } from "../../src/chat/projection/follow.ts";
import { nextContext } from "../../src/chat/projection/context.ts";
import type { Turn } from "../../src/chat/turn.ts";
import { structured } from "../../src/models/structured.ts";
import { AGENT, bench } from "./journal-harness.ts";

const ANN = { entity_id: "ann", name: "Ann" };
const TIMEOUTS = { firstToken: 600_000, betweenTokens: 600_000, wholeTurn: 600_000 };
const SCHEMA = { type: "object", properties: { a: { type: "string" } }, required: ["a"] };

/** What one call of the model does, piece by piece. */
type Piece = "text" | "nothing" | "tool" | "hand_over" | "unavailable" | "broken";
const piece = fc.constantFrom<Piece>("text", "text", "text", "nothing", "tool", "hand_over", "unavailable", "broken");
const call = fc.array(piece, { minLength: 1, maxLength: 6 });

const act = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant("ask" as const), shaped: fc.boolean(), how: fc.nat(2) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("take over" as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("give back" as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("reply" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("delete" as const), which: fc.nat(20) }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant("wait" as const), turns: fc.integer({ min: 1, max: 9 }) }) },
);

function world(s: Scheduler, plans: Piece[][]) {
  const b = bench({ max_context_length: 2 });
  const { journal } = b;
  const pause = (what: string) => s.schedule(Promise.resolve(), what);
  let calls = 0;
  /** Calls of a model that began while a person had the conversation. */
  let late = 0;

  const model = (name: string): Model => ({
    name,
    async *stream(request): AsyncGenerator<ModelEvent> {
      if (journal.header.handled_by === "staff") late++;
      const plan = plans[calls++ % plans.length] ?? [];
      const json = request.output_schema && calls % 2 === 0;
      for (const one of plan) {
        await pause(`model ${one}`);
        const about = { call_id: `c${calls}`, name: one };
        if (one === "unavailable") throw new ModelFailure("unavailable", "gone");
        if (one === "broken") throw new ModelFailure("error", "broke off");
        if (one === "text" || one === "nothing") yield { type: "text", text: one === "text" ? "model says. " : "" };
        else {
          yield { type: "step", usage: null };
          yield { type: "tool_call", ...about, input: {} };
          await pause("tool");
          const asked = request.actions?.[0];
          if (one === "hand_over") asked?.run({ reason: "model's reason", summary: "model's summary" });
          yield { type: "tool_result", ...about, output: "model's tool", failed: false };
        }
      }
      yield { type: "text", text: json ? '{"a":"model"}' : "model ends." };
      yield { type: "finish", usage: null };
    },
  });
  const link = (name: string) => ({ name, timeouts: TIMEOUTS, price: null, open: () => structured(model(name)) });
  const agent: TurnAgent = {
    ...{ ...AGENT, summarize: true, auto_title: true, hand_over: { hours: null } },
    links: [link("m/one"), link("m/two")],
  };
  const failed: string[] = [];
  const engine: Engine = new Engine({
    journal,
    loadAgent: async () => (await pause("agent"), agent),
    clock: b.clock,
    sleep: (ms) => pause(`sleep ${ms}`),
    log: () => {},
    ids: () => b.ids,
    changed: () => {},
    onChange: () => {},
    onEnd: () => {
      if (journal.header.handled_by === "staff") return;
      void summarise({ journal, clock: b.clock, log: () => {} }, agent, nextContext(journal, agent).shown);
    },
    abort: (reason) => failed.push(reason),
  });

  /** Everything of a model that is stored: replies, deltas, titles, summaries, notes, that a person is waited for. */
  const ofModels = () => ({
    replies: journal.store.rows(
      "SELECT sequence, content, status, tool_calls, details FROM message WHERE role = 'assistant' AND author IS NULL",
    ),
    deltas: new RareTable(journal.store, "deltas").rows("SELECT * FROM deltas"),
    summary: new RareTable(journal.store, "summary").rows("SELECT * FROM summary"),
    notes: new RareTable(journal.store, "note").rows("SELECT * FROM note"),
    title: journal.header.title,
    waiting: journal.header.waiting_since,
  });

  /** What a reader of each turn was sent. */
  const sent = new Map<number, string>();
  const follow = async (turn: Turn) => {
    for await (const frames of followTurn({ engine, journal }, turn, 0, new AbortController().signal)) {
      for (const { turn: of, event } of frames) {
        if (of && event.type === "delta") sent.set(of.number, (sent.get(of.number) ?? "") + event.text);
      }
    }
  };
  const readers: Promise<void>[] = [];
  let count = 0;
  const ask = (shaped: boolean, how: number) => {
    const input: TurnInput = {
      ...{ principal: "user:person", idempotency_key: `k${count}`, body_hash: "", content: `question ${count++}` },
      ...{ metadata: {}, output_schema: shaped ? SCHEMA : null },
      on_busy: (["enqueue", "interrupt", "reject"] as const)[how] ?? "enqueue",
    };
    const accepted = engine.submit(input, FREELY);
    if (accepted.ok) readers.push(follow(accepted.value.turn));
  };
  const reply = () => {
    const said = { principal: "user:ann", idempotency_key: null, body_hash: "", content: "Ann says.", metadata: {} };
    const say = () =>
      journal.transaction(() => {
        if (journal.header.handled_by === "agent") handling.takeOver(b.edit(), ANN, null);
        journal.say({ ...said, output_schema: null, ...b.ids.turn() }, { type: "staff", ...ANN }, b.clock());
      });
    if (journal.header.handled_by === "agent") engine.stopFor(false, say);
    else say();
  };
  return { ...b, engine, ask, reply, ofModels, sent, readers, failed, late: () => late };
}

it("nothing of a model follows a take-over", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      fc.array(call, { minLength: 1, maxLength: 8 }),
      fc.array(act, { minLength: 4, maxLength: 30 }),
      async (s, plans, acts) => {
        const w = world(s, plans);
        let frozen: ReturnType<typeof w.ofModels> | null = null;
        const settle = () => new Promise((resolve) => setImmediate(resolve));
        const verify = () => {
          const isHeld = w.journal.header.handled_by === "staff";
          expect(JSON.stringify(frozen ? w.ofModels() : null)).toBe(JSON.stringify(frozen));
          expect({ late: w.late(), isIdle: w.engine.isIdle || !isHeld }).toEqual({ late: 0, isIdle: true });
        };
        for (const one of acts) {
          const isAgents = w.journal.header.handled_by === "agent";
          if (one.do === "ask") w.ask(one.shaped, one.how);
          else if (one.do === "take over") w.engine.stopFor(false, () => handling.takeOver(w.edit(), ANN, null));
          else if (one.do === "reply") w.reply();
          else if (one.do === "give back") {
            frozen = null;
            w.engine.stopFor(false, () => handling.giveBack(w.edit(), ANN));
          } else if (one.do === "delete") {
            const message = w.journal.messages.at(one.which + 1);
            if (message) edits.deleteMessage(w.edit(), message);
            if (frozen) frozen = w.ofModels();
          } else {
            for (let n = 0; n < one.turns; n++) {
              if (s.count() > 0) await s.waitNext(1);
              await settle();
              verify();
            }
          }
          if (isAgents && w.journal.header.handled_by === "staff") frozen = w.ofModels();
          verify();
        }
        while (s.count() > 0) {
          await s.waitNext(1);
          await settle();
          verify();
        }
        await Promise.all(w.readers);
        expect(w.failed).toEqual([]);
        // What was streamed of a turn is what is stored of it.
        const ended = [...w.sent].flatMap(([number, text]) => {
          const turn = w.journal.turns.byNumber(number);
          const stored = turn && w.journal.messages.ofTurn(turn).reply;
          return stored?.deleted_at === null ? [{ text, stored: stored.content }] : [];
        });
        expect(ended.map(({ text }) => text)).toEqual(ended.map(({ stored }) => stored));
      },
    ),
    { numRuns: 300 },
  );
}, 60_000);
