/**
 * What goes on in a conversation at this moment: replies that are being written, who is typing, whether there is a connection.
 * It follows the conversation's events through breaks, from exactly where it was. No DOM.
 */
import { Follower } from "../widget/follower.ts";
import type { ServerEvent } from "../widget/sse.ts";
import type { Api } from "./api.ts";
import type { Message, ToolCall } from "./types.ts";

export type LiveTurn = {
  turn_id: string;
  status: "queued" | "in_progress";
  text: string;
  tools: Pick<ToolCall, "call_id" | "name" | "state">[];
};
export type Typist = { type: "staff" | "lead"; entity_id: string; name: string | null };
/** Somebody of the staff who has the conversation open too. */
export type Onlooker = { entity_id: string; name: string | null };
export type Live = {
  turns: LiveTurn[];
  typing: Typist[];
  /** Everybody of the staff who is there, oneself among them. */
  staff: Onlooker[];
  /** Why turns of this sitting failed, by their id. */
  failures: Record<string, string>;
  isConnected: boolean;
};

export type LivePorts = {
  /** A message as it is stored now. */
  onMessage: (message: Message) => void;
  /** There is a message that only its id is known of. */
  onNews: () => void;
  /** The conversation is not there any more, or not for this credential. */
  onGone: () => void;
};

/** Milliseconds for which somebody counts as typing after the last sign of it, and between two drawings. */
const TYPING = 6_000;
const FRAME = 40;

type Data = {
  turn_id: string;
  status?: string;
  text?: string;
  message?: Message | null;
  author?: Typist | null;
  staff?: Onlooker[];
  error?: { detail?: string } | null;
  call_id?: string;
  name?: string;
  state?: ToolCall["state"];
};

export class LiveConversation {
  snapshot: Live = { turns: [], typing: [], staff: [], failures: {}, isConnected: true };
  readonly #ports: LivePorts;
  readonly #follower: Follower;
  readonly #listeners = new Set<() => void>();
  readonly #turns = new Map<string, LiveTurn>();
  readonly #typing = new Map<string, { typist: Typist; timer: ReturnType<typeof setTimeout> }>();
  #staff: Onlooker[] = [];
  #failures: Record<string, string> = {};
  #isConnected = true;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(api: Pick<Api, "follow">, id: string, ports: LivePorts) {
    this.#ports = ports;
    this.#follower = new Follower({
      follow: (last, signal, hear) => {
        const headers: Record<string, string> = last === "" ? {} : { "last-event-id": last };
        return api.follow(`/conversation/${id}/messages/stream?presence=true`, { signal, headers }, hear);
      },
      hear: (event) => this.hear(event),
      connected: (isConnected) => {
        this.#isConnected = isConnected;
        if (isConnected) ports.onNews();
        else this.#staff = [];
        this.#changed();
      },
      gone: ports.onGone,
    });
  }

  start(): void {
    this.#follower.resume();
  }

  stop(): void {
    this.#follower.pause();
    clearTimeout(this.#timer);
    for (const { timer } of this.#typing.values()) clearTimeout(timer);
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  hear({ event, data: sent }: ServerEvent): void {
    const data = sent as unknown as Data;
    if (event === "chat_status") this.#status(data);
    else if (event === "chat_delta") this.#turn(data.turn_id).text += data.text ?? "";
    else if (event === "chat_tool") this.#tool(data);
    else if (event === "chat_response") this.#end(data);
    else if (event === "chat_message" && data.message) {
      if (data.message.author) this.#stopTyping(data.message.author.entity_id);
      this.#ports.onMessage(data.message);
    } else if (event === "chat_typing" && data.author) this.#type(data.author);
    else if (event === "chat_presence") this.#staff = data.staff ?? [];
    else return;
    this.#changed();
  }

  #status({ turn_id, status }: Data): void {
    if (status === "queued" || status === "in_progress") this.#turn(turn_id).status = status;
    // A message came, or was answered by nobody.
    if (status !== "failed" && status !== "stopped") this.#ports.onNews();
  }

  #turn(turn_id: string): LiveTurn {
    const known = this.#turns.get(turn_id) ?? { turn_id, status: "in_progress", text: "", tools: [] };
    this.#turns.set(turn_id, known);
    return known;
  }

  #tool({ turn_id, call_id = "", name = "", state = "called" }: Data): void {
    const turn = this.#turn(turn_id);
    turn.tools = [...turn.tools.filter((tool) => tool.call_id !== call_id), { call_id, name, state }];
  }

  #end({ turn_id, message, status, error }: Data): void {
    this.#turns.delete(turn_id);
    if (status === "failed") this.#failures = { ...this.#failures, [turn_id]: error?.detail ?? "" };
    if (message) this.#ports.onMessage(message);
    this.#ports.onNews();
  }

  #type(typist: Typist): void {
    this.#stopTyping(typist.entity_id);
    const timer = setTimeout(() => {
      this.#stopTyping(typist.entity_id);
      this.#changed();
    }, TYPING);
    this.#typing.set(typist.entity_id, { typist, timer });
  }

  #stopTyping(entity_id: string): void {
    clearTimeout(this.#typing.get(entity_id)?.timer);
    this.#typing.delete(entity_id);
  }

  /** Tells the listeners, but not of every single word. */
  #changed(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.snapshot = {
        turns: [...this.#turns.values()]
          .filter(({ text, status, tools }) => text !== "" || tools.length > 0 || status === "in_progress")
          .map((turn) => ({ ...turn })),
        typing: [...this.#typing.values()].map(({ typist }) => typist),
        staff: this.#staff,
        failures: this.#failures,
        isConnected: this.#isConnected,
      };
      for (const listener of this.#listeners) listener();
    }, FRAME);
  }
}
