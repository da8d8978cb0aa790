/**
 * The calls that a conversation's object answers: what routes type their stub with. Expected failures are returned and not
 * thrown, because error classes do not survive RPC. Types only.
 */
import type { Caller, Entity, Principal } from "../auth/principal.ts";
import type { Conversation } from "./conversation.ts";
import type { Feedback, Message, Role } from "./message.ts";
import type { Bookmark, Outcome } from "./outcome.ts";

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
/** Under which key, if any, a reply is to be made anew once only, and the hash of that request's body. */
export type Once = { idempotency_key: string | null; body_hash: string };

/** Deleted before `before` (ms), or nothing was said in it since then, whether it is deleted or not. */
export type Expiry = { of: "deleted" | "idle"; before: number };

/** Somebody of the staff, as the visitor is told. */
export type Person = { entity_id: string; name: string | null };
/** Nobody's where the agent's model wrote it. */
export type Note = { id: string; at: number; entity_id: string | null; name: string | null; text: string };
/** Who took a conversation over or gave it back, and when (ms); nobody where it went back by itself, or the agent asked. */
export type HandlingRow = {
  number: number;
  at: number;
  action: "hand_over" | "take_over" | "give_back";
  entity_id: string | null;
  name: string | null;
  reason: string | null;
};
/** Rows behind the key `after` or, without one, behind `offset` rows. */
export type Slice = { after: string | number | null; offset: number; limit: number };
export type Rows<T> = { rows: T[]; total: number };
/** What a person says in place of the agent. */
export type StaffMessage = { content: string; idempotency_key: string | null; body_hash: string };

/** `person`: the reader, where it wants to be seen by others of the staff and see them. */
export type FollowFrom = { turn_id?: string; last_event_id?: string; person?: Person };

/** Members to change; `metadata` as JSON. */
export type ConversationChanges = Partial<Pick<Conversation, "title" | "max_context_length" | "status">> & {
  metadata?: string;
};

/** A page of live messages: behind the sequence `cursor` or, without one, behind `offset` messages. */
export type HistoryQuery = {
  order: "asc" | "desc";
  role?: Role;
  after_sequence?: number;
  before_sequence?: number;
  cursor: number | null;
  offset: number;
  limit: number;
};
/** `isCut`: the messages are too long to come together, and the rest of the page is behind the last of these. */
export type HistoryPage = { messages: Message[]; total: number; isCut: boolean };
/** The same with each message as JSON, and with its sequence for the next cursor. */
export type HistoryText = { messages: string[]; sequences: number[]; total: number; isCut: boolean };

/** Bodies are JSON texts, serialised once by the object. */
export interface ConversationRpc extends Rpc.DurableObjectBranded {
  /** `client` names whoever waits for this one answer: X-Request-Id does not, because clients choose it and repeat it. */
  chat(
    caller: Caller,
    client: string,
    request: ChatRequest,
    links: Links,
    form?: "answer" | "completion",
  ): Promise<Outcome<Answer>>;
  chatStream(caller: Caller, request: ChatRequest, links: Links, projection?: Projection): Promise<Outcome<Stream>>;
  /** Begins a turn that nobody waits for, and says which. */
  chatLater(caller: Caller, request: ChatRequest): Promise<Outcome<Answer & { turn_id: string }>>;
  /** A turn as it stands. Once its sender has read its end (`isRead`), it counts as answered. */
  turn(caller: Caller, turn_id: string, isRead: boolean, links: Links): Promise<Outcome<string>>;
  /** The client of that name, which waits for an answer, has gone away. */
  left(client: string): Promise<void>;
  regenerate(caller: Caller, wanted: Wanted, once: Once, links: Links): Promise<Outcome<Stream>>;
  resume(caller: Caller, links: Links): Promise<Outcome<ReadableStream<Uint8Array> | null>>;
  follow(caller: Caller, from: FollowFrom, links: Links): Promise<Outcome<{ stream: ReadableStream<Uint8Array> }>>;
  stop(caller: Caller, turn_id?: string): Promise<Outcome<{ turn_id: string }>>;
  read(caller: Caller): Promise<Outcome<string>>;
  history(caller: Caller, query: HistoryQuery): Promise<Outcome<HistoryText>>;
  message(caller: Caller, message_id: string): Promise<Outcome<string>>;
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
  /** Puts a hold on it, or with null takes it away. */
  hold(caller: Caller, reason: string | null): Promise<Outcome<string>>;
  /** `seconds` after which the agent has it back, or null. */
  takeOver(caller: Caller, person: Person, seconds: number | null): Promise<Outcome<string>>;
  giveBack(caller: Caller, person: Person): Promise<Outcome<string>>;
  note(caller: Caller, person: Person, text: string): Promise<Outcome<Note>>;
  notes(caller: Caller, slice: Slice): Promise<Outcome<Rows<Note>>>;
  handling(caller: Caller, slice: Slice): Promise<Outcome<Rows<HandlingRow>>>;
  markRead(caller: Caller, sequence: number): Promise<Outcome<string>>;
  /** Tells whoever follows that the caller writes. */
  typing(caller: Caller, name: string | null): Promise<Outcome<null>>;
  reply(caller: Caller, person: Person, message: StaffMessage): Promise<Outcome<Answer>>;
  erase(caller: Caller): Promise<Outcome<string>>;
  /** Whoever of the staff has this id is named nowhere in it any more. */
  forgetName(caller: Caller, entity_id: string): Promise<Outcome<string>>;
  /** Whom this very credential stood for when it was admitted here within a day, or null. Reads nothing but the object. */
  recall(credential: string): Promise<Principal | null>;
  /** Waits until D1 has everything of this company's conversation. Null where that is not known or took too long. */
  settle(company_id: string): Promise<Bookmark | null>;
  /** Whether nothing of it is left now: false when it has not expired, or is held. */
  purge(company_id: string, expiry: Expiry): Promise<Outcome<boolean>>;
  /** How many of the messages `ids` were deleted before `before` (ms) and are purged now. */
  purgeMessages(company_id: string, ids: string[], before: number): Promise<Outcome<number>>;
}
