/**
 * A random walk over everything that changes a conversation, while its object dies between any two steps and batches for D1
 * land late. After every few steps the object's memory, its tables, D1, the streams and what the model saw have to agree.
 */
import { abortAllDurableObjects, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Batch } from "../../src/chat/changes.ts";
import { Journal } from "../../src/chat/journal/journal.ts";
import { HEADER_MEMBERS, MESSAGE_MEMBERS } from "../../src/chat/journal/schema.ts";
import { writeBatch } from "../../src/db/record.ts";
import { complete, type Step as Said, upstream } from "../upstream/client.ts";
import { type Answer, bearer, call, type HeaderMap, makeCompany, makeLead, send } from "./company.ts";
import { createConversation, parseEvents, settle, type StreamEvent, streamOf } from "./conversation-client.ts";
import { everywhere } from "./everywhere.ts";

const RUNS = env.TEST_FULL ? 30 : 1;
const STEPS = 60;
/** In full a new walk each time; else one that is known, so that a failure is of what was changed. */
const SEED = env.TEST_FULL ? Date.now() % 2 ** 31 : 365_339_733;
const up = upstream(env.TEST_UPSTREAM);

const ACTIONS = [
  ...["chat", "chat", "chat", "chat", "stream", "stream", "later", "again", "again", "again", "stop"],
  ...["regenerate", "regenerate", "delete", "delete", "delete", "restore", "restore", "restore", "delete all"],
  ...["restore all", "rate", "patch", "read", "note", "take over", "give back", "give back", "reply"],
  ...["remove", "hold", "purge", "merge", "die", "die", "die", "alarm"],
  ...["keep batch", "keep batch", "late batch", "late batch", "lose D1", "lose D1", "reconnect"],
] as const;

const action = fc.record({
  what: fc.constantFrom(...ACTIONS),
  which: fc.nat(10_000),
  keyed: fc.boolean(),
  staff: fc.boolean(),
  on_busy: fc.constantFrom("enqueue", "enqueue", "interrupt", "reject"),
  model: fc.constantFrom("answers", "answers", "is slow", "breaks off", "refuses"),
});
type Action = typeof action extends fc.Arbitrary<infer T> ? T : never;
/** What happens at the same time. */
const steps = fc.array(fc.array(action, { minLength: 1, maxLength: 3 }), { minLength: STEPS, maxLength: STEPS });

const MODEL: Record<Action["model"], Said[]> = {
  answers: complete(["the ", "answer"]),
  "is slow": [{ text: "half " }, { wait_ms: 30 }, ...complete(["of it"])],
  "breaks off": [{ text: "half " }],
  refuses: [{ status: 400 }],
};

/** What happens to the next batches for D1: it never arrives, its answer is lost, or it arrives later, if ever. */
const losses: ("batch" | "answer" | "time")[] = [];
const late: D1PreparedStatement[][] = [];
const session = Object.getPrototypeOf(env.DB.withSession()) as D1DatabaseSession;
const former = Reflect.get(session, "batch") as (statements: D1PreparedStatement[]) => Promise<never>;

beforeAll(() => {
  session.batch = async function (this: D1DatabaseSession, statements: D1PreparedStatement[]) {
    const loss = Object.getPrototypeOf(this) === session ? losses.shift() : undefined;
    if (loss === undefined) return former.call(this, statements);
    if (loss === "time") late.push(statements);
    if (loss === "answer") await former.call(this, statements);
    throw new Error("D1_ERROR: Network connection lost.");
  };
});
afterAll(() => {
  session.batch = former;
});

/** Refusals that a client has to live with. */
const ACCEPTED = [
  ...["turn_in_progress", "turn_stopped", "turn_queue_full", "message_deleted", "no_turn_running", "conflict"],
  ...[
    "model_error",
    "model_unavailable",
    "model_timeout",
    "store_unavailable",
    "not_found",
    "legal_hold",
    "rate_limited",
  ],
];

type Row = Record<string, any>;

/** JSON as it is meant, whatever the order of members. */
const plain = (row: Row): Row =>
  Object.fromEntries(
    Object.entries(row).map(([name, value]) => [
      name,
      typeof value === "string" && /^[[{]/.test(value) ? JSON.parse(value) : value,
    ]),
  );
const some = <T>(list: readonly T[], n: number): T | undefined => list[n % Math.max(1, list.length)];

async function setUp() {
  const company = await makeCompany();
  const model = `walk-${company.company_id}`;
  const provider = { kind: "openai-compatible", base_url: up.baseUrl, api_key: "sk-test" };
  await call("PUT", "/v1/model-provider/local", { headers: company.admin, body: provider });
  const settings = { name: "Walker", instructions: "Be brief.", model: `local/${model}`, summarize: true };
  const agent = await call("POST", "/v1/agent", { headers: company.admin, body: settings });
  const agent_id = agent.body.agent.id as string;
  const lead = await makeLead({ ...company, agent_id });
  const { id } = await createConversation({ ...company, agent_id }, { max_context_length: 6 }, lead.headers);
  await up.script(model, MODEL.answers);
  await call("POST", `/v1/conversation/${id}/chat`, { headers: lead.headers, body: { message: "w0w said" } });
  return { company, model, lead, id };
}

class Walk {
  readonly site: Awaited<ReturnType<typeof setUp>>;
  readonly unexpected: string[] = [];
  /** Requests that had a key: what they sent, by the key, and what they were answered. */
  readonly sent: { key: string | null; path: string; headers: HeaderMap; body: object; answers: Answer[] }[] = [];
  readonly batches: Batch[] = [];
  /** Events of the follower, over all its connections. */
  readonly followed: StreamEvent[] = [];
  #lead: HeaderMap;
  #isMerged = false;
  #words = 0;
  /** Words of messages that were deleted when the present step began, and requests that the model had had by then. */
  #deleted = new Set<string>();
  #requests = 0;
  #hasRestored = false;
  #isRemoved = false;
  #reading: Promise<void> = Promise.resolve();
  #stream: ReturnType<typeof streamOf> | null = null;

  constructor(site: Awaited<ReturnType<typeof setUp>>) {
    this.site = site;
    this.#lead = site.lead.headers;
  }

  get stub() {
    return env.CONVERSATION.getByName(this.site.id);
  }

  /** What the tables say, read by nobody who remembers anything. */
  inside<T>(read: (journal: Journal, storage: DurableObjectStorage) => T | Promise<T>): Promise<T> {
    return runInDurableObject(this.stub, (_, { storage }) => read(new Journal(storage), storage));
  }

  messages = (): Promise<Row[]> =>
    this.inside((journal) => journal.store.rows("SELECT * FROM message ORDER BY sequence").map(plain));

  async act(one: Action): Promise<void> {
    try {
      await this.#act(one);
    } catch (error) {
      // Whoever is in an object that dies is told so; a client sends again.
      if (!/abortAllDurableObjects|reset|not currently running|Network connection lost/.test(String(error)))
        throw error;
    }
  }

  async #act({ what, which, keyed, staff, on_busy, model }: Action): Promise<void> {
    const { company, id, model: name } = this.site;
    const one = `/v1/conversation/${id}`;
    const headers = staff ? company.user : this.#lead;
    const asStaff = (method: string, path: string, body?: object) =>
      this.#call(method, path, { ...company.admin_user }, body);
    if (what === "chat" || what === "stream" || what === "later") {
      await up.script(name, MODEL[model]);
      const more: HeaderMap =
        what === "stream" ? { accept: "text/event-stream" } : what === "later" ? { prefer: "respond-async" } : {};
      const body = { message: `w${++this.#words}w said`, on_busy };
      return this.#send(`${one}/chat`, { ...headers, ...more }, body, keyed);
    }
    if (what === "again") {
      const before = some(this.sent, which);
      return before && this.#send(before.path, before.headers, before.body, true, before);
    }
    if (what === "regenerate") {
      await up.script(name, MODEL[model]);
      const replies = (await this.messages()).filter(({ role, author }) => role === "assistant" && !author);
      const messages = [{ id: some(replies, which)?.["id"] ?? "none", role: "assistant", parts: [] }];
      return this.#send(`${one}/chat`, headers, { trigger: "regenerate-message", messages }, keyed);
    }
    if (what === "stop") return this.#call("POST", `${one}/chat/stop`, headers);
    if (what === "delete" || what === "restore" || what === "rate") {
      const message = some(await this.messages(), which)?.["id"];
      if (message === undefined) return;
      if (what === "delete") return this.#call("DELETE", `/v1/message/${message}`, headers);
      if (what === "rate")
        return this.#call("PUT", `/v1/message/${message}/feedback`, headers, { rating: which % 2 ? "up" : "down" });
      this.#hasRestored = true;
      return this.#call("PATCH", `/v1/message/${message}/restore`, headers);
    }
    if (what === "delete all") return this.#call("DELETE", `${one}/messages`, headers);
    if (what === "restore all") {
      this.#hasRestored = true;
      return this.#call("PATCH", `${one}/message/restore-all`, headers);
    }
    if (what === "patch")
      return this.#call("PATCH", one, headers, { metadata: { which }, title: `title ${which % 3}` });
    if (what === "read") return this.#call("POST", `${one}/read`, headers, { sequence: 1 + (which % 50) });
    if (what === "note") return asStaff("POST", `${one}/note`, { text: `note ${which}` });
    if (what === "take over")
      return asStaff("POST", `${one}/take-over`, which % 3 === 0 ? { return_after_seconds: 60 } : {});
    if (what === "give back") return asStaff("POST", `${one}/give-back`, {});
    if (what === "reply")
      return this.#send(`${one}/reply`, company.user, { message: `w${++this.#words}w by a person` }, keyed);
    if (what === "remove") return this.#call("DELETE", one, headers);
    if (what === "hold")
      return which % 2 ? asStaff("PUT", `${one}/hold`, { reason: "case" }) : asStaff("DELETE", `${one}/hold`);
    if (what === "purge") {
      const gone = (await this.messages()).filter(({ deleted_at }) => deleted_at !== null);
      const ids = gone.slice(0, which % 4).map((message) => message["id"] as string);
      const purged = await this.stub.purgeMessages(company.company_id, ids, Date.now());
      if (!purged.ok && purged.error.code !== "store_unavailable") this.unexpected.push(JSON.stringify(purged));
      return;
    }
    if (what === "merge") return this.#merge();
    if (what === "die") return abortAllDurableObjects();
    if (what === "alarm") return void (await runDurableObjectAlarm(this.stub));
    if (what === "keep batch") {
      const batch = await this.inside((journal) => journal.outbox.next());
      if (batch) this.batches.push(batch);
      return;
    }
    if (what === "lose D1") {
      for (let n = 0; n <= which % 4; n++)
        losses.push((["batch", "answer", "time"] as const)[(which + n) % 3] ?? "batch");
      return;
    }
    if (what === "late batch") {
      const [statements] = late.splice(which % Math.max(1, late.length), 1);
      if (statements) await this.#arrives(() => env.DB.withSession("first-primary").batch(statements));
      return this.land(some(this.batches, which));
    }
    await this.#stream?.cancel().catch(() => undefined);
  }

  /** A batch arrives that had been given up, or once more. */
  async land(batch: Batch | undefined): Promise<void> {
    if (!batch) return;
    await settle(this.site.company, this.site.id);
    const isOver = await this.inside((journal) => journal.outbox.isEmpty);
    if (!isOver) return;
    await this.#arrives(() => writeBatch(env.DB.withSession("first-primary"), batch));
  }

  async #arrives(write: () => Promise<unknown>): Promise<void> {
    await write().catch((error: unknown) => {
      if (!String(error).includes("older revision")) throw error;
    });
  }

  async #merge(): Promise<void> {
    if (this.#isMerged) return;
    const body = { entity_type: "lead", external_id: "customer" };
    const known = await call("POST", "/v1/auth/token", { headers: this.site.company.read_write, body });
    const headers = bearer(known.body.access_token);
    const anonymous_token = this.site.lead.token;
    const merged = await call("POST", "/v1/lead/merge", { headers, body: { anonymous_token } });
    if (merged.status !== 200) return;
    this.#isMerged = true;
    this.#lead = headers;
    for (const one of this.sent)
      if (one.headers["authorization"] === this.site.lead.headers["authorization"])
        one.headers = { ...one.headers, ...headers };
  }

  async #call(method: string, path: string, headers: HeaderMap, body?: object): Promise<void> {
    this.#check(`${method} ${path}`, await call(method, path, { headers, body }));
  }

  async #send(path: string, headers: HeaderMap, body: object, keyed: boolean, before?: Walk["sent"][number]) {
    const key = before ? before.key : keyed ? `k${this.sent.length}-${this.#words}` : null;
    const known = before ?? { key, path, headers, body, answers: [] };
    if (!before && key !== null) this.sent.push(known);
    const answer = await call("POST", path, {
      headers: { ...headers, ...(key === null ? {} : { "idempotency-key": key }) },
      body,
    });
    known.answers.push(answer);
    this.#check(`POST ${path} ${JSON.stringify(body)}`, answer);
  }

  #check(what: string, { status, body }: Answer): void {
    // The former visitor is nobody any more.
    if (this.#isMerged && status === 401) return;
    if (status >= 400 && !ACCEPTED.includes(body.code))
      this.unexpected.push(`${what}: ${status} ${JSON.stringify(body)}`);
  }

  /** One client follows, comes back where it stood, and is told everything once. */
  follow(): void {
    this.#reading = this.#reading.then(async () => {
      if (this.#stream) return;
      const last = this.followed.at(-1)?.id;
      const headers = { ...this.site.company.user, ...(last === undefined ? {} : { "last-event-id": last }) };
      const path = `/v1/conversation/${this.site.id}/messages/stream`;
      const response = await send("GET", path, { headers }).catch(() => null);
      if (response?.status !== 200) {
        await response?.body?.cancel();
        return;
      }
      const stream = streamOf(response);
      this.#stream = stream;
      void (async () => {
        for (;;) this.followed.push(await stream.next());
      })()
        .catch(() => undefined)
        .finally(() => {
          this.#stream = null;
        });
    });
  }

  async step(together: Action[]): Promise<void> {
    this.follow();
    this.#hasRestored = false;
    await Promise.all(together.map((one) => this.act(one)));
    await this.#alarmed();
    await this.#seen();
    // Most of what there is to do needs a conversation that lives.
    if (this.#isRemoved) await this.#call("PATCH", `/v1/conversation/${this.site.id}/restore`, this.site.company.user);
    this.#isRemoved = together.some(({ what }) => what === "remove");
  }

  /** Whatever is left to do has an alarm, should the process die now; one that rings sets itself again. */
  async #alarmed(): Promise<void> {
    const isLate = () =>
      this.inside(async (journal, storage) => {
        const { open, return_at } = journal.header;
        const due = open.length > 0 || !journal.outbox.isEmpty ? Date.now() + 61_000 : return_at;
        return due !== null && ((await storage.getAlarm()) ?? Infinity) > due;
      });
    await expect.poll(isLate, { interval: 100, timeout: 30_000 }).toBe(false);
  }

  /** What was deleted before a step, and was not restored in it, is in no request of the model since. */
  async #seen(): Promise<void> {
    const messages = await this.messages().catch(() => null);
    const requests = await up.requests(this.site.model);
    if (!messages) return;
    const gone = messages.filter(({ deleted_at }) => deleted_at !== null);
    const words = new Set(gone.flatMap(({ content }) => /w\d+w/.exec(String(content)) ?? []));
    if (!this.#hasRestored)
      for (const { body } of requests.slice(this.#requests)) {
        const leaked = [...this.#deleted].filter((word) => words.has(word) && JSON.stringify(body).includes(word));
        if (leaked.length > 0) this.unexpected.push(`a model was shown ${leaked.join()} again`);
      }
    const [word] = [...this.#deleted].filter((one) => words.has(one)).slice(this.#requests % 3);
    // A delete that D1 has not heard of was not acknowledged.
    const isTold = await this.inside((journal) => journal.outbox.isEmpty);
    if (word !== undefined && isTold && !this.#hasRestored && (await this.#found(word)) > 0)
      this.unexpected.push(`${word} is found though it was deleted`);
    this.#deleted = words;
    this.#requests = requests.length;
  }

  /** How often a search finds a word. */
  async #found(word: string): Promise<number> {
    const answer = await call("GET", `/v1/message/search?q=${word}`, { headers: this.site.company.user });
    return answer.body.hits?.length;
  }

  /** Resolves when no turn runs or waits. */
  async quiet(): Promise<void> {
    await expect
      .poll(() => this.inside((journal) => journal.header.open), { interval: 10, timeout: 30_000 })
      .toEqual([]);
  }

  async verify(): Promise<void> {
    const { company, id } = this.site;
    await this.quiet();
    losses.length = 0;
    await settle(company, id);
    expect(this.unexpected).toEqual([]);
    const { header, rows, unread, turns, outbox } = await this.inside((journal) => ({
      header: journal.header,
      rows: journal.store.rows("SELECT * FROM message ORDER BY sequence").map(plain),
      unread: journal.messages.unread(),
      turns: journal.store.rows("SELECT * FROM turn ORDER BY number"),
      outbox: journal.outbox.isEmpty,
    }));
    expect(outbox).toBe(true);
    // D1 says what the tables say.
    const db = async (sql: string) => (await env.DB.prepare(sql).bind(id).all<Row>()).results.map(plain);
    const pick = (members: readonly string[]) => (row: Row) => Object.fromEntries(members.map((m) => [m, row[m]]));
    const stored = await db("SELECT * FROM message WHERE conversation_id = ? ORDER BY sequence");
    expect(stored.map(pick(MESSAGE_MEMBERS))).toEqual(rows.map(pick(MESSAGE_MEMBERS)));
    const [conversation] = await db("SELECT * FROM conversation WHERE id = ?");
    const counted = [...HEADER_MEMBERS.filter((member) => member !== "revision"), "unread_lead", "unread_staff"];
    expect(pick(counted)(conversation ?? {})).toEqual(pick(counted)({ ...plain(header), ...unread }));
    // Sequences, counters, one question and one live answer a turn.
    expect(rows.map(({ sequence }) => sequence)).toEqual(rows.map((_, index) => index + 1));
    const live = rows.filter(({ deleted_at }) => deleted_at === null);
    expect(header.message_count).toBe(live.length);
    for (const turn of Map.groupBy(rows, ({ turn_id }) => turn_id).values()) {
      expect(turn.filter(({ role }) => role === "user").length).toBeLessThan(2);
      expect(turn.filter((m) => m["role"] === "assistant" && m["deleted_at"] === null).length).toBeLessThan(2);
    }
    for (const turn of turns) expect(turn["ended_at"]).not.toBeNull();
    // Every request says something else: however often it was sent, it is stored once.
    const said = rows.filter(({ content, role }) => content !== "" && role === "user").map(({ content }) => content);
    expect(said).toEqual([...new Set(said)]);
    const total = async (list: string) =>
      (await call("GET", `/v1/${list}per_page=1`, { headers: company.user })).body.pagination.total as number;
    const gone = rows.filter(({ deleted_at, purged_at }) => deleted_at !== null && purged_at === null);
    expect(await total("message/deleted?")).toBe(gone.length);
    expect(await total("conversation?status=all&")).toBe(header.deleted_at === null ? 1 : 0);
    if (header.deleted_at !== null) return;
    // Memory says what the tables say, message by message too.
    const wire = (
      await call("GET", `/v1/conversation/${id}/messages?per_page=100&order=desc`, { headers: company.user })
    ).body;
    expect(wire.messages.map((m: Row) => [m["id"], m["sequence"], m["content"], m["status"]])).toEqual(
      live
        .toReversed()
        .slice(0, 100)
        .map((m) => [m["id"], m["sequence"], m["content"], m["status"]]),
    );
    for (const message of rows.slice(-30)) {
      const { status, body } = await call("GET", `/v1/message/${message["id"]}`, { headers: company.user });
      expect([message["id"], status]).toEqual([message["id"], message["deleted_at"] === null ? 200 : 404]);
      if (status === 200) expect(body.message.content).toBe(message["content"]);
    }
    await runDurableObjectAlarm(this.stub);
    for (const { content, role, deleted_at } of rows.slice(-6)) {
      const [word] = /w\d+w/.exec(String(content)) ?? [];
      if (word === undefined || role !== "user") continue;
      await expect.poll(() => this.#found(word), { interval: 100, timeout: 30_000 }).toBe(deleted_at === null ? 1 : 0);
    }
    // A replay tells what is stored, and nothing of what was deleted.
    for (const turn of turns.slice(-12)) {
      const path = `/v1/conversation/${id}/messages/stream?turn_id=${String(turn["id"])}`;
      const events = parseEvents((await call("GET", path, { headers: company.user })).body);
      const reply = rows[Number(turn["reply_sequence"]) - 1];
      const text = events.flatMap(({ event, data }) => (event === "chat_delta" ? [data.text] : [])).join("");
      const isShown = reply !== undefined && reply["deleted_at"] === null && turn["kind"] === null;
      expect([turn["id"], text]).toEqual([turn["id"], isShown ? reply["content"] : ""]);
    }
  }

  /** The follower has heard the end of every turn, each event once and in order. */
  async verifyFollower(): Promise<void> {
    const { company, id } = this.site;
    const end = await call("POST", `/v1/conversation/${id}/chat`, {
      headers: company.user,
      body: { message: "the end" },
    });
    const isLast = ({ event, data }: StreamEvent) => event === "chat_response" && data.turn_id === end.body.turn_id;
    await expect
      .poll(
        () => {
          this.follow();
          return this.followed.some(isLast);
        },
        { interval: 20, timeout: 30_000 },
      )
      .toBe(true);
    await this.#stream?.cancel().catch(() => undefined);
    const turns = await this.inside((journal) => journal.store.rows("SELECT * FROM turn ORDER BY number"));
    const numbers = (of: unknown) =>
      this.followed
        .filter(({ event }) => event !== "heartbeat")
        .map(({ id: at }) => at.split("-").map(Number))
        .filter(([turn]) => turn === of)
        .map(([, n]) => n ?? 0);
    for (const turn of turns) {
      const heard = numbers(turn["number"]);
      // Who comes back to a turn that has run again since may hear later ones once more, under the same ids.
      const told = turns.some(({ event_base }) => event_base !== 0) ? [...new Set(heard)] : heard;
      expect([turn["number"], told]).toEqual([turn["number"], [...new Set(told.toSorted((a, b) => a - b))]]);
      // A person's message that was deleted is not told; of a turn that ran again while a client was away, not every attempt.
      if (turn["kind"] === "staff" || turn["number"] === 1) continue;
      const last = turn["event_base"] === 0 ? turn["last_event"] : expect.any(Number);
      expect([turn["number"], Math.max(...heard)]).toEqual([turn["number"], last]);
    }
  }

  async erase(): Promise<void> {
    const { company, id } = this.site;
    const one = `/v1/conversation/${id}`;
    await call("DELETE", `${one}/hold`, { headers: company.admin_user });
    const erased = await call("DELETE", `${one}?purge=true`, { headers: company.admin_user });
    expect([erased.status, erased.body.erasure?.status]).toEqual([200, "done"]);
    for (const batch of this.batches) await this.#arrives(() => writeBatch(env.DB.withSession("first-primary"), batch));
    for (const statements of late.splice(0))
      await this.#arrives(() => env.DB.withSession("first-primary").batch(statements));
    expect(await everywhere(company, " said")).toEqual([]);
    expect(await everywhere(company, "by a person")).toEqual([]);
  }
}

it.for(fc.sample(steps, { numRuns: RUNS, seed: SEED }).map((all, n) => [n, all] as const))(
  `of everything that changes a conversation (seed ${SEED}, run %s)`,
  { tags: "slow", timeout: 180_000 },
  async ([, all]) => {
    const walk = new Walk(await setUp());
    const done: string[] = [];
    try {
      for (const [n, together] of all.entries()) {
        done.push(together.map((one) => Object.values(one).join(" ")).join(" | "));
        await walk.step(together);
        if (n % 10 === 9) await walk.verify();
      }
      await call("PATCH", `/v1/conversation/${walk.site.id}/restore`, { headers: walk.site.company.user });
      await call("POST", `/v1/conversation/${walk.site.id}/give-back`, { headers: walk.site.company.user, body: {} });
      await up.script(walk.site.model, MODEL.answers);
      await walk.verifyFollower();
      await walk.verify();
      await walk.erase();
    } catch (error) {
      console.error(`after ${done.slice(-12).join("\n  then ")}`);
      throw error;
    }
  },
);
