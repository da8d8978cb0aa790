/** What is asked of the turns of a conversation: to begin one, to have one answered anew, to follow them, to stop one. */
import type { Caller } from "../auth/principal.ts";
import type { Accepted } from "../chat/engine/engine.ts";
import { type Outcome, ok, refuse } from "../chat/outcome.ts";
import { encoderFor } from "../chat/projection/encoder.ts";
import { followConversation, followTurn, type Frame, knownStart } from "../chat/projection/follow.ts";
import { answerOf } from "../chat/projection/json.ts";
import { completionOf } from "../chat/projection/openai.ts";
import { turnReceipt, turnView } from "../chat/projection/turn.ts";
import type { Answer, ChatRequest, FollowFrom, Links, Once, Projection, Stream, Wanted } from "../chat/rpc.ts";
import { type EventId, parseEventId, principalOf, type Turn } from "../chat/turn.ts";
import type { JsonObject } from "../json.ts";
import type { ConversationCore } from "./conversation-core.ts";
import { admitted } from "./admitted.ts";
import { type Reader, toStream } from "./readers.ts";
import { regenerate } from "./regenerate.ts";

export class Turns {
  readonly #core: ConversationCore;

  constructor(core: ConversationCore) {
    this.#core = core;
  }

  /** Runs a turn, or joins or replays the one that this request repeats, and answers when its end is in the journal. */
  async chat(
    caller: Caller,
    client: string,
    request: ChatRequest,
    links: Links,
    form: "answer" | "completion",
  ): Promise<Outcome<Answer>> {
    const accepted = await this.#submit(caller, request);
    if (!accepted.ok) return accepted;
    const { live, isRepeat } = accepted.value;
    live?.waiting.add(client);
    const turn = live ? await live.ended : accepted.value.turn;
    const { journal } = this.#core;
    const answer =
      form === "answer" ? answerOf(journal, turn, links.base, caller.may_read) : completionOf(journal, turn);
    if (!answer.ok) return answer;
    if (!live) journal.noteAnswered(turn, true);
    await this.#core.ledger.settled();
    return this.#core.written({ body: answer.value, replayed: isRepeat });
  }

  /** The same turn as a stream of its events. */
  async stream(caller: Caller, request: ChatRequest, links: Links, projection: Projection): Promise<Outcome<Stream>> {
    const accepted = await this.#submit(caller, request);
    return accepted.ok ? this.#answer(caller, accepted.value, links, projection) : accepted;
  }

  /** The same turn for a client that asks for it later: until then it counts as not answered. */
  async later(caller: Caller, request: ChatRequest): Promise<Outcome<Answer & { turn_id: string }>> {
    const accepted = await this.#submit(caller, request);
    if (!accepted.ok) return accepted;
    const { turn, isRepeat } = accepted.value;
    return unsettled({ turn_id: turn.id, body: JSON.stringify(turnReceipt(turn)), replayed: isRepeat });
  }

  /** A turn as it stands. Once its sender has read its end, it counts as answered. */
  async read(caller: Caller, turn_id: string, isRead: boolean, { origin }: Links): Promise<Outcome<string>> {
    const entered = await this.#core.enter(caller);
    if (!entered.ok) return entered;
    const { engine, journal } = this.#core;
    const turn = journal.turns.byId(turn_id);
    if (!turn) return refuse("not_found");
    const about = { origin, request_id: caller.request_id };
    const body = JSON.stringify({ turn: turnView({ engine, journal }, turn, about) });
    if (isRead && turn.ended_at !== null && turn.principal === principalOf(caller)) journal.noteAnswered(turn, true);
    return this.#core.written(body);
  }

  /** The client of a request that waits for its answer has gone away. */
  left(client: string): void {
    for (const live of this.#core.engine.open) live.waiting.delete(client);
  }

  /** Stops what runs, deletes what came after the message of a turn, and answers that message anew. */
  async regenerate(caller: Caller, wanted: Wanted, once: Once, links: Links): Promise<Outcome<Stream>> {
    const accepted = await regenerate(this.#core, caller, wanted, once);
    return accepted.ok ? this.#answer(caller, accepted.value, links, "ui") : accepted;
  }

  /** The turn that runs, or waits next, from its start; null when there is none. */
  async resume(caller: Caller, links: Links): Promise<Outcome<ReadableStream<Uint8Array> | null>> {
    await this.#core.readers.makeRoom(caller);
    const entered = await this.#core.enter(caller);
    if (!entered.ok) return entered;
    const [live] = this.#core.engine.open;
    if (!live) return ok(null);
    const reader = this.#core.readers.admit(caller);
    if (!reader.ok) return reader;
    return unsettled(this.#turnStream(caller, live.turn, links, "ui", reader.value, 0));
  }

  /** Events of one turn, or of the conversation from `last_event_id` on. */
  async follow(
    caller: Caller,
    { turn_id, last_event_id, person }: FollowFrom,
    links: Links,
  ): Promise<Outcome<{ stream: ReadableStream<Uint8Array> }>> {
    await this.#core.readers.makeRoom(caller);
    const entered = await this.#core.enter(caller);
    if (!entered.ok) return entered;
    const { journal, engine } = this.#core;
    const start = last_event_id === undefined ? null : knownStart({ engine, journal }, parseEventId(last_event_id));
    const turn = turn_id === undefined ? null : journal.turns.byId(turn_id);
    if (turn_id !== undefined && !turn) return refuse("not_found");
    const allowed = this.#core.readers.admit(caller, person !== undefined);
    if (!allowed.ok) return allowed;
    const reader = allowed.value;
    if (turn) {
      const after = start?.turn === turn.number ? start.event : 0;
      return unsettled({ stream: this.#turnStream(caller, turn, links, "sse", reader, after) });
    }
    const [open] = engine.open;
    const last = open ? { number: open.turn.number, last_event: 0 } : journal.turns.last();
    const position = start ?? { turn: last?.number ?? 0, event: last?.last_event ?? 0 };
    const { typing, presence } = this.#core;
    const attendance = person ? presence.enter(person) : null;
    if (attendance) {
      void this.#core.readers.lookForGone();
      reader.signal.addEventListener("abort", attendance.leave, { once: true });
    }
    const frames = followConversation({ engine, journal, typing, attendance }, start, reader.signal, reader.closed);
    const encode = this.#encoder(caller, links, "sse", position);
    return unsettled({ stream: toStream(frames, encode, reader, () => undefined) });
  }

  async stop(caller: Caller, turn_id?: string): Promise<Outcome<{ turn_id: string }>> {
    const entered = await this.#core.enter(caller);
    if (!entered.ok) return entered;
    const stopped = this.#core.engine.stop(turn_id);
    return stopped.ok ? this.#core.written({ turn_id: stopped.value.id }) : stopped;
  }

  #submit(caller: Caller, request: ChatRequest): Promise<Outcome<Accepted>> {
    return this.#core.inOrder(async () => {
      const entered = await this.#core.enter(caller);
      if (!entered.ok) return entered;
      const metadata = JSON.parse(request.metadata) as JsonObject;
      const output_schema = request.output_schema === null ? null : (JSON.parse(request.output_schema) as JsonObject);
      const input = { ...request, principal: principalOf(caller), metadata, output_schema };
      const { engine } = this.#core;
      const question = () => (engine.begins(input) ? { content: request.content, output_schema } : null);
      return admitted(this.#core, question, (admission) => engine.submit(input, admission));
    });
  }

  /** The stream that answers a request. Whether the end of it arrived is noted; one client that has it is enough. */
  #answer(caller: Caller, { live, turn, isRepeat }: Accepted, links: Links, projection: Projection): Outcome<Stream> {
    const reader = this.#core.readers.answer(caller);
    live?.waiting.add(reader);
    const stream = this.#turnStream(caller, turn, links, projection, reader, 0, (isComplete) => {
      if (!isComplete) live?.waiting.delete(reader);
      if (isComplete || !live?.waiting.size) this.#core.journal.noteAnswered(turn, isComplete);
    });
    return unsettled({ stream, replayed: isRepeat });
  }

  #turnStream(
    caller: Caller,
    turn: Turn,
    links: Links,
    projection: Projection,
    reader: Reader,
    after: number,
    onEnd: (isComplete: boolean) => void = () => undefined,
  ): ReadableStream<Uint8Array> {
    const { engine, journal } = this.#core;
    const frames = followTurn({ engine, journal }, turn, after, reader.signal);
    const encode = this.#encoder(caller, links, projection, { turn: turn.number, event: after });
    return toStream(frames, encode, reader, onEnd);
  }

  #encoder(
    { request_id }: Caller,
    { origin }: Links,
    projection: Projection,
    start: EventId,
  ): (frame: Frame) => string {
    const { journal } = this.#core;
    return encoderFor(projection, { conversation_id: journal.header.id, request_id, origin }, journal, start);
  }
}

/** An answer that begins before D1 has everything of it. */
const unsettled = <T>(value: T): Outcome<T> => ({ ok: true, value, bookmark: null });
