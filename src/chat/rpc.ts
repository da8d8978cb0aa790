/**
 * The calls that a conversation's object answers: what routes type their stub with. Expected failures are returned and not
 * thrown, because error classes do not survive RPC. Types only.
 */
import type { Caller, Entity } from "../auth/principal.ts";
import type { Conversation } from "./conversation.ts";
import type { Feedback } from "./message.ts";
import type { Outcome } from "./outcome.ts";

export type OnBusy = "enqueue" | "reject" | "interrupt";

/** A `/chat` request, as the edge has checked it. */
export type ChatRequest = {
  content: string;
  /** As JSON, to arrive exactly as it was sent. */
  metadata: string;
  idempotency_key: string | null;
  /** As JSON, or null. */
  output_schema: string | null;
  /** Of message, metadata and output_schema. */
  body_hash: string;
  on_busy: OnBusy;
  /** The client says that it has sent this before: a reply that was only just given may not have reached it. */
  resent?: boolean;
};

/** Where links and problem types of an answer point. */
export type Links = { origin: string; base: string };

/** `include_usage`: a last chunk without choices says how many tokens it took, as `stream_options` asks for. */
export type Chunks = { include_usage: boolean };

/** The forms of a stream: server-sent events of this API, the AI SDK's UI message stream, or OpenAI's chunks. */
export type Projection = "sse" | "ui" | Chunks;

export type Answer = { body: string; replayed: boolean };
export type Stream = { stream: ReadableStream<Uint8Array>; replayed: boolean };

/** A turn, as a client can name it: by messages of it, of which the first that is known counts, else by its key. */
export type Wanted = { messages: string[]; key: string | null; or_last: boolean };

/** Members to change; `metadata` as JSON. */
export type ConversationChanges = Partial<Pick<Conversation, "title" | "max_context_length" | "status">> & {
  metadata?: string;
};

/** The conversation is the one whose id names the object. Bodies are JSON texts, serialised once by the object. */
export interface ConversationRpc extends Rpc.DurableObjectBranded {
  chat(caller: Caller, request: ChatRequest, links: Links, form?: "answer" | "completion"): Promise<Outcome<Answer>>;
  chatStream(caller: Caller, request: ChatRequest, links: Links, projection?: Projection): Promise<Outcome<Stream>>;
  regenerate(caller: Caller, wanted: Wanted, links: Links): Promise<Outcome<Stream>>;
  resume(caller: Caller, links: Links): Promise<Outcome<ReadableStream<Uint8Array> | null>>;
  follow(
    caller: Caller,
    from: { turn_id?: string; last_event_id?: string },
    links: Links,
  ): Promise<Outcome<{ stream: ReadableStream<Uint8Array> }>>;
  stop(caller: Caller, turn_id?: string): Promise<Outcome<{ turn_id: string }>>;
  update(caller: Caller, changes: ConversationChanges): Promise<Outcome<string>>;
  remove(caller: Caller): Promise<Outcome<string>>;
  restore(caller: Caller): Promise<Outcome<string>>;
  removeMessage(caller: Caller, message_id: string): Promise<Outcome<string>>;
  restoreMessage(caller: Caller, message_id: string): Promise<Outcome<string>>;
  rateMessage(caller: Caller, message_id: string, feedback: Feedback | null): Promise<Outcome<string>>;
  removeMessages(caller: Caller): Promise<Outcome<string>>;
  restoreMessages(caller: Caller, deletion_id: string | null): Promise<Outcome<string>>;
  reassign(caller: Caller, former: Entity): Promise<Outcome<string>>;
  context(caller: Caller): Promise<Outcome<string>>;
  erase(caller: Caller): Promise<Outcome<string>>;
  /** False when it had not been deleted before `before` (ms). */
  purge(company_id: string, before: number): Promise<Outcome<boolean>>;
  /** How many of the messages `ids` were deleted before `before` (ms) and are purged now. */
  purgeMessages(company_id: string, ids: string[], before: number): Promise<Outcome<number>>;
}
