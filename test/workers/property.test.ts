/**
 * Random sequences of create, chat, delete, restore, restore-all and list over two companies, against a model that is
 * simple enough to be obviously right. Holds the API to: gap-free sequences, one reply a turn, deleted text nowhere,
 * no company touching another's rows, counters that equal a count, one audit row per change.
 */
import { env } from "cloudflare:workers";
import fc from "fast-check";
import { expect, it } from "vitest";
import { call, type Company, makeCompany } from "./company.ts";
import { chat, createConversation, history } from "./conversation-client.ts";

type ModelMessage = { id: string; sequence: number; content: string; deleted: boolean; deletion_id: string | null };
type ModelConversation = { id: string; company: 0 | 1; window: number; deleted: boolean; messages: ModelMessage[] };
type Model = { conversations: ModelConversation[]; audits: [number, number] };
type Real = { companies: [Company, Company] };
type Command = fc.AsyncCommand<Model, Real>;

const live = (c: ModelConversation) => c.messages.filter((m) => !m.deleted);
const as = (real: Real, c: ModelConversation) => real.companies[c.company].user;
const pick = <T>(list: T[], n: number): T | undefined => list[n % list.length];

/** A command about one of the conversations there are, chosen by `n`. */
abstract class OnConversation implements Command {
  readonly n: number;
  constructor(n: number) {
    this.n = n;
  }
  check(model: Model) {
    return model.conversations.length > 0;
  }
  async run(model: Model, real: Real) {
    const conversation = pick(model.conversations, this.n);
    if (conversation) await this.act(conversation, model, real);
  }
  abstract act(c: ModelConversation, model: Model, real: Real): Promise<void>;
  toString() {
    return `${this.constructor.name}(${this.n})`;
  }
}

class Create implements Command {
  readonly company: 0 | 1;
  readonly window: number;
  constructor(company: 0 | 1, window: number) {
    this.company = company;
    this.window = window;
  }
  check = () => true;
  async run(model: Model, real: Real) {
    const { id } = await createConversation(real.companies[this.company], { max_context_length: this.window });
    model.conversations.push({ id, company: this.company, window: this.window, deleted: false, messages: [] });
  }
  toString = () => `Create(${this.company}, ${this.window})`;
}

class Chat extends OnConversation {
  async act(c: ModelConversation, _: Model, real: Real) {
    const text = `word${this.n}-${c.messages.length}`;
    const { status, body } = await chat({ user: as(real, c) }, c.id, text);
    expect(status).toBe(c.deleted ? 404 : 200);
    if (c.deleted) return;
    const next = c.messages.length + 1;
    const add = (id: string, sequence: number, content: string) =>
      c.messages.push({ id, sequence, content, deleted: false, deletion_id: null });
    add(body.message_id, next, text);
    add(body.reply.id, next + 1, `echo: ${text}`);
    const shown = body.messages.map((m: { sequence: number; content: string }) => [m.sequence, m.content]);
    const latest = live(c).slice(-c.window);
    expect(shown).toEqual(latest.map((m) => [m.sequence, m.content]));
  }
}

class DeleteMessage extends OnConversation {
  async act(c: ModelConversation, model: Model, real: Real) {
    const message = pick(c.messages, this.n);
    if (!message) return;
    const { status, body } = await call("DELETE", `/v1/message/${message.id}`, { headers: as(real, c) });
    expect(status).toBe(c.deleted ? 404 : 200);
    if (c.deleted) return;
    expect(body.message).toMatchObject({ id: message.id, sequence: message.sequence, content: message.content });
    if (!message.deleted) model.audits[c.company]++;
    message.deleted = true;
  }
}

class RestoreMessage extends OnConversation {
  async act(c: ModelConversation, model: Model, real: Real) {
    const message = pick(c.messages, this.n);
    if (!message) return;
    const { status } = await call("PATCH", `/v1/message/${message.id}/restore`, { headers: as(real, c) });
    expect(status).toBe(c.deleted ? 404 : 200);
    if (c.deleted) return;
    if (message.deleted) model.audits[c.company]++;
    Object.assign(message, { deleted: false, deletion_id: null });
  }
}

class DeleteAll extends OnConversation {
  async act(c: ModelConversation, model: Model, real: Real) {
    const { status, body } = await call("DELETE", `/v1/conversation/${c.id}/messages`, { headers: as(real, c) });
    expect(status).toBe(c.deleted ? 404 : 200);
    if (c.deleted) return;
    expect(body.deleted).toBe(live(c).length);
    if (body.deleted > 0) model.audits[c.company]++;
    for (const m of live(c)) Object.assign(m, { deleted: true, deletion_id: body.deletion_id });
  }
}

class RestoreAll extends OnConversation {
  async act(c: ModelConversation, model: Model, real: Real) {
    const bulk = pick([...new Set(c.messages.flatMap((m) => m.deletion_id ?? []))], this.n);
    const narrowed = this.n % 2 === 0 ? bulk : undefined;
    const { status, body } = await call("PATCH", `/v1/conversation/${c.id}/message/restore-all`, {
      headers: as(real, c),
      ...(narrowed === undefined ? {} : { body: { deletion_id: narrowed } }),
    });
    expect(status).toBe(c.deleted ? 404 : 200);
    if (c.deleted) return;
    const back = c.messages.filter((m) => m.deleted && (narrowed === undefined || m.deletion_id === narrowed));
    expect(body).toEqual({ restored: back.length });
    if (back.length > 0) model.audits[c.company]++;
    for (const m of back) Object.assign(m, { deleted: false, deletion_id: null });
  }
}

class DeleteConversation extends OnConversation {
  async act(c: ModelConversation, model: Model, real: Real) {
    const { status, body } = await call("DELETE", `/v1/conversation/${c.id}`, { headers: as(real, c) });
    expect([status, body.conversation.status]).toEqual([200, "deleted"]);
    if (!c.deleted) model.audits[c.company]++;
    c.deleted = true;
  }
}

class RestoreConversation extends OnConversation {
  async act(c: ModelConversation, model: Model, real: Real) {
    const { status, body } = await call("PATCH", `/v1/conversation/${c.id}/restore`, { headers: as(real, c) });
    expect([status, body.conversation.message_count]).toEqual([200, live(c).length]);
    if (c.deleted) model.audits[c.company]++;
    c.deleted = false;
  }
}

/** The other company tries everything; nothing of it may work or show. */
class Trespass extends OnConversation {
  async act(c: ModelConversation, _: Model, real: Real) {
    const headers = real.companies[c.company === 0 ? 1 : 0].admin_user;
    const message = pick(c.messages, this.n)?.id ?? c.id;
    const attempts: [string, string, object?][] = [
      ["POST", `/v1/conversation/${c.id}/chat`, { message: "intruder" }],
      ["DELETE", `/v1/conversation/${c.id}`],
      ["PATCH", `/v1/conversation/${c.id}/restore`],
      ["DELETE", `/v1/conversation/${c.id}/messages`],
      ["DELETE", `/v1/message/${message}`],
      ["PATCH", `/v1/message/${message}/restore`],
      ["GET", `/v1/conversation/${c.id}/messages`],
    ];
    const attempt = pick(attempts, this.n) as [string, string, object?];
    const answer = await call(attempt[0], attempt[1], { headers, ...(attempt[2] ? { body: attempt[2] } : {}) });
    expect(answer.status).toBe(404);
  }
}

class List extends OnConversation {
  async act(c: ModelConversation, model: Model, real: Real) {
    await compare(c, model, real);
  }
}

async function compare(c: ModelConversation, model: Model, real: Real) {
  const headers = as(real, c);
  const expected = model.conversations.filter((other) => other.company === c.company);
  const read = async (path: string) => (await call("GET", path, { headers })).body;
  const ids = (rows: { id: string }[]) => rows.map((row) => row.id).toSorted();
  const lively = await read("/v1/conversation?per_page=100");
  expect(ids(lively.conversations)).toEqual(ids(expected.filter((o) => !o.deleted)));
  expect(lively.pagination.total).toBe(lively.conversations.length);
  const deleted = await read("/v1/conversation/deleted?per_page=100");
  expect(ids(deleted.conversations)).toEqual(ids(expected.filter((o) => o.deleted)));
  const trash = await read("/v1/message/deleted?per_page=100");
  expect(trash.pagination.total).toBe(expected.flatMap((o) => o.messages).filter((m) => m.deleted).length);
  if (c.deleted) return;
  const messages = await history({ user: headers }, c.id);
  expect(messages.map((m) => [m.id, m.sequence, m.content])).toEqual(live(c).map((m) => [m.id, m.sequence, m.content]));
  expect((await read(`/v1/conversation/${c.id}`)).conversation.message_count).toBe(messages.length);
}

const n = fc.nat({ max: 1000 });
const commands = fc.commands(
  [
    fc
      .tuple(fc.constantFrom(0, 1), fc.integer({ min: 1, max: 6 }))
      .map(([c, window]) => new Create(c as 0 | 1, window)),
    ...[Chat, Chat, Chat, DeleteMessage, DeleteMessage, RestoreMessage, DeleteAll, RestoreAll, DeleteConversation].map(
      (Kind) => n.map((value) => new Kind(value)),
    ),
    ...[RestoreConversation, Trespass, List].map((Kind) => n.map((value) => new Kind(value))),
  ],
  { maxCommands: 40 },
);

it("behaves like the model", { timeout: 120_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(commands, async (sequence) => {
      const real: Real = { companies: [await makeCompany(), await makeCompany()] };
      const model: Model = { conversations: [], audits: [0, 0] };
      await fc.asyncModelRun(() => ({ model, real }), sequence);
      for (const c of model.conversations) await compare(c, model, real);
      for (const [index, company] of real.companies.entries()) {
        const counted = "SELECT count(*) AS n FROM audit_event WHERE company_id = ?";
        const row = await env.DB.prepare(counted).bind(company.company_id).first<{ n: number }>();
        expect(row?.n).toBe(model.audits[index as 0 | 1]);
        const tallies = `SELECT c.message_count AS kept, (SELECT count(*) FROM message m WHERE m.conversation_id = c.id
          AND m.deleted_at IS NULL) AS counted FROM conversation c WHERE c.company_id = ?`;
        const { results } = await env.DB.prepare(tallies).bind(company.company_id).all();
        for (const { kept, counted: actual } of results) expect(kept).toBe(actual);
      }
    }),
    { numRuns: 25, endOnFailure: false },
  );
});
