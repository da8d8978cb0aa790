/**
 * Eight writers, fifty turns each, in one conversation, while turns are stopped, messages deleted and restored, and the
 * object dies again and again. Everything that was sent and answered is recorded; afterwards the record has to add up.
 */
import { abortAllDurableObjects, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import fc from "fast-check";
import { expect, it } from "vitest";
import { Journal } from "../../src/chat/journal/journal.ts";
import { RareTable } from "../../src/chat/journal/rare-table.ts";
import { call, type Company, makeCompany, send } from "./company.ts";
import {
  chat,
  createConversation,
  history,
  type StreamEvent,
  streamOf,
  type WireMessage,
  settle,
} from "./conversation-client.ts";

const WRITERS = 8;
const TURNS = 50;
const SEED = Date.now() % 2 ** 31;

/** One message that a writer sends. */
const step = fc.record({
  as: fc.constantFrom("json", "json", "stream"),
  on_busy: fc.constantFrom("enqueue", "enqueue", "enqueue", "interrupt", "reject"),
  keyed: fc.boolean(),
  /** Milliseconds that the model takes. */
  thinks: fc.constantFrom(0, 0, 5, 25),
  /** Sent once more at the same time, or given up after the first event. */
  also: fc.constantFrom("nothing", "nothing", "twice", "leaves"),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** What happens to the conversation meanwhile, evenly spread over its turns. */
const event = fc.record({
  what: fc.constantFrom("stop", "stop", "die", "die", "delete", "delete", "restore", "delete all", "restore all"),
  which: fc.nat(),
});
type Event = typeof event extends fc.Arbitrary<infer T> ? T : never;

const plan = fc.record({
  writers: fc.array(fc.array(step, { minLength: TURNS, maxLength: TURNS }), { minLength: WRITERS, maxLength: WRITERS }),
  events: fc.array(event, { minLength: 60, maxLength: 60 }),
});

/** An answer that a client has, and what it may rely on since. */
type Told = { sent: number; told: number; text: string; key: string | null; turn_id: string; reply: WireMessage };

/** What has happened, in the order in which clients saw it. */
class Log {
  readonly told: Told[] = [];
  readonly unexpected: string[] = [];
  /** Events of every stream that ended by itself. */
  readonly streams: StreamEvent[][] = [];
  #moment = 0;
  #done = 0;
  #waiting: { for: number; go: () => void }[] = [];

  moment = () => ++this.#moment;

  turnDone(): void {
    this.#done++;
    for (const { for: count, go } of this.#waiting) if (this.#done >= count) go();
  }

  reached(count: number): Promise<void> {
    return new Promise((go) => {
      this.#waiting.push({ for: count, go });
      if (this.#done >= count) go();
    });
  }
}

/** Refusals that a client has to live with: others were first, a stop or delete hit it, or the object died. */
const ACCEPTED = ["turn_in_progress", "turn_stopped", "message_deleted", "model_error", "store_unavailable"];

async function write(company: Company, id: string, log: Log, text: string, one: Step): Promise<void> {
  const key = one.keyed ? `key ${text}`.replaceAll(" ", "-") : null;
  const message = one.thinks > 0 ? `/sleep ${one.thinks} ${text}` : text;
  const headers: Record<string, string> = key === null ? {} : { "idempotency-key": key };
  const sent = log.moment();
  const ask = async (): Promise<"again" | "done"> => {
    const answer = await chat(company, id, message, { on_busy: one.on_busy }, headers);
    if (answer.status === 200) {
      const { turn_id, reply } = answer.body;
      log.told.push({ sent, told: log.moment(), text: message, key, turn_id, reply });
      return "done";
    }
    if (!ACCEPTED.includes(answer.body.code)) log.unexpected.push(JSON.stringify(answer.body));
    if (answer.status === 503 && !answer.headers.has("retry-after")) log.unexpected.push("503 without Retry-After");
    return answer.status >= 500 && key !== null ? "again" : "done";
  };
  const listen = async (): Promise<"again" | "done"> => {
    const response = await send("POST", `/v1/conversation/${id}/chat`, {
      headers: { ...company.user, accept: "text/event-stream", ...headers },
      body: { message, on_busy: one.on_busy },
    });
    if (response.status !== 200) {
      const body = (await response.json()) as { code: string };
      if (!ACCEPTED.includes(body.code)) log.unexpected.push(JSON.stringify(body));
      return response.status >= 500 && key !== null ? "again" : "done";
    }
    const stream = streamOf(response);
    if (one.also === "leaves") {
      await stream.next().catch(() => null);
      await stream.cancel().catch(() => null);
      return "done";
    }
    const events = await stream.rest().catch(() => null);
    if (events === null) return key === null ? "done" : "again";
    log.streams.push(events);
    const { turn_id, status, message: reply } = events.at(-1)?.data ?? {};
    if (status === "failed") return key === null ? "done" : "again";
    if (reply) log.told.push({ sent, told: log.moment(), text: message, key, turn_id, reply });
    return "done";
  };
  const send1 = one.as === "json" ? ask : listen;
  const once = async () => {
    // A client with a key goes on asking until it is told; the object dies less often than that.
    for (let tries = 0; (await send1()) === "again"; tries++) {
      if (tries === 50) log.unexpected.push(`never answered: ${text}`);
      if (tries === 50) break;
    }
  };
  await Promise.all(one.also === "twice" && key !== null ? [once(), once()] : [once()]);
}

async function disturb(company: Company, id: string, log: Log, { what, which }: Event): Promise<void> {
  const act = async (method: string, path: string) => {
    const { status, body } = await call(method, `/v1/${path}`, { headers: company.user });
    if (status >= 500 && body.code !== "store_unavailable") log.unexpected.push(`${what}: ${JSON.stringify(body)}`);
  };
  const some = async (deleted: boolean): Promise<string> => {
    const sign = deleted ? "IS NOT NULL" : "IS NULL";
    const query = `SELECT id FROM message WHERE conversation_id = ? AND deleted_at ${sign}`;
    const ask = () => env.DB.prepare(query).bind(id).all<{ id: string }>();
    // Another event may end the database, which is an object here, while it is asked.
    const { results } = await ask().catch(ask);
    return results[which % Math.max(1, results.length)]?.id ?? "none";
  };
  if (what === "die") return abortAllDurableObjects();
  if (what === "stop") return act("POST", `conversation/${id}/chat/stop`);
  if (what === "delete") return act("DELETE", `message/${await some(false)}`);
  if (what === "restore") return act("PATCH", `message/${await some(true)}/restore`);
  if (what === "delete all") return act("DELETE", `conversation/${id}/messages`);
  return act("PATCH", `conversation/${id}/message/restore-all`);
}

type Row = WireMessage & { deleted_at: number | null };

/** Everything that D1 has of the conversation, deleted or not. */
async function record(id: string): Promise<Row[]> {
  const query = "SELECT * FROM message WHERE conversation_id = ? ORDER BY sequence";
  return (await env.DB.prepare(query).bind(id).all<Row>()).results;
}

async function check(company: Company, id: string, log: Log): Promise<void> {
  expect(log.unexpected).toEqual([]);
  const rows = await record(id);
  const journal = await runInDurableObject(env.CONVERSATION.getByName(id), (_, { storage }) => {
    const rowsOf = (query: string) => storage.sql.exec(query).toArray();
    return {
      open: rowsOf("SELECT number FROM turn WHERE status IN ('queued', 'running')"),
      outbox: new RareTable(new Journal(storage).store, "outbox").rows("SELECT change FROM outbox"),
      messages: rowsOf("SELECT id, sequence, content, status, deleted_at FROM message ORDER BY sequence"),
      arrivals: rowsOf("SELECT user_sequence FROM turn WHERE user_sequence IS NOT NULL ORDER BY number"),
    };
  });
  // 5: nothing is left to do, and D1 says what the journal says.
  expect([journal.open, journal.outbox]).toEqual([[], []]);
  expect(rows.map((m) => [m.id, m.sequence, m.content, m["status"], m.deleted_at])).toEqual(
    journal.messages.map((m) => [m["id"], m["sequence"], m["content"], m["status"], m["deleted_at"]]),
  );
  // 1: no gap, and whoever asked after another had been told comes after it.
  expect(rows.map((m) => m.sequence)).toEqual(rows.map((_, index) => index + 1));
  const users = new Map(rows.filter((m) => m.role === "user").map((m) => [m["turn_id"] as string, m]));
  const firsts = [...Map.groupBy(log.told, ({ turn_id }) => turn_id).values()].map((all) => ({
    sequence: users.get(all[0]?.turn_id ?? "")?.sequence ?? 0,
    sent: Math.min(...all.map(({ sent }) => sent)),
    told: Math.min(...all.map(({ told }) => told)),
  }));
  const overtaken = firsts.filter((a) => firsts.some((b) => b.told < a.sent && b.sequence > a.sequence));
  expect(overtaken).toEqual([]);
  // 2: turns in order of arrival, each with one message and at most one reply that did not fail.
  const sequences = journal.arrivals.map((turn) => Number(turn["user_sequence"]));
  expect(sequences).toEqual(sequences.toSorted((a, b) => a - b));
  for (const turn of Map.groupBy(rows, (m) => m["turn_id"]).values()) {
    expect(turn.filter((m) => m.role === "user")).toHaveLength(1);
    expect(turn.filter((m) => m.role === "assistant" && m["status"] !== "failed").length).toBeLessThan(2);
  }
  // 3: one key, one message, one reply.
  for (const [key, told] of Map.groupBy(log.told, (answer) => answer.key)) {
    if (key === null) continue;
    expect(new Set(told.map(({ turn_id }) => turn_id)).size).toBe(1);
    expect(new Set(told.map(({ reply }) => JSON.stringify(reply))).size).toBe(1);
    expect(rows.filter((m) => m.role === "user" && m.content === told[0]?.text)).toHaveLength(1);
  }
  // 4: what was told is stored, byte for byte; what was streamed is what was told.
  const stored = new Map(rows.map((m) => [m.id, m]));
  for (const { text, turn_id, reply } of log.told) {
    expect(stored.get(reply.id)).toMatchObject({
      content: reply.content,
      sequence: reply.sequence,
      status: reply["status"],
    });
    expect(users.get(turn_id)?.content).toBe(text);
    const whole = `echo: ${text.replace(/^\/sleep \d+ /, "")}`;
    expect(reply.content).toBe(reply["status"] === "complete" ? whole : whole.slice(0, reply.content.length));
  }
  // 9: a stream that ends, ends with its response; and its deltas are the reply's text.
  for (const events of log.streams) {
    const last = events.at(-1);
    expect(last?.event).toBe("chat_response");
    const began = events.findLastIndex((e) => e.data.status === "in_progress");
    const text = events.slice(began).flatMap((e) => (e.event === "chat_delta" ? [e.data.text] : []));
    // A reply that was deleted before its end was read is not shown any more.
    const message = last?.data.message;
    expect(message ? text.join("") : "").toBe(message?.content ?? "");
  }
  // 10: counters.
  const live = rows.filter((m) => m.deleted_at === null);
  const { conversation } = (await call("GET", `/v1/conversation/${id}`, { headers: company.user })).body;
  expect(conversation.message_count).toBe(live.length);
  expect((await history(company, id)).map((m) => m.id)).toEqual(live.map((m) => m.id));
}

it(
  `holds for ${WRITERS} writers × ${TURNS} turns whatever happens meanwhile (seed ${SEED})`,
  { tags: "slow", timeout: 120_000 },
  async () => {
    const property = fc.asyncProperty(plan, async ({ writers, events }) => {
      const company = await makeCompany();
      const { id } = await createConversation(company);
      const log = new Log();
      const writing = writers.map(async (steps, writer) => {
        for (const [n, one] of steps.entries()) {
          await write(company, id, log, `w${writer} n${n}`, one);
          log.turnDone();
        }
      });
      const disturbing = events.map(async (one, n) => {
        await log.reached(((n + 1) * WRITERS * TURNS) / (events.length + 1));
        await disturb(company, id, log, one);
      });
      await Promise.all([...writing, ...disturbing]);
      expect(await chat(company, id, "the last")).toMatchObject({ status: 200 });
      await settle(company, id);
      await check(company, id, log);
    });
    await fc.assert(property, { numRuns: 1, seed: SEED, endOnFailure: true });
  },
);
