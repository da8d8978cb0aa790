/** From the events of a protocol to the parts of an answer. */
import type { Json } from "../../json.ts";
import type { Source } from "../../net/source.ts";
import type { StreamPart } from "../connect.ts";
import type { Ending } from "./ending.ts";
import type { ServerEvent } from "./sse.ts";
import { ConnectionLost } from "./upstream.ts";

/** A protocol's reading of its events. */
export type EventParser = {
  /** Adds what an event means to `parts`, perhaps nothing. Throws when it is no event of this protocol. */
  read(event: ServerEvent, parts: StreamPart[]): void;
  /** Nothing more will come. */
  end(parts: StreamPart[]): void;
  readonly ending: Ending;
};

/** Something arrived that is no part of the answer: the other side is at work. */
export const ALIVE: StreamPart = { type: "alive" };

/**
 * Milliseconds for what may follow the end of an answer: counts, and the protocol's own end. Some servers never send that,
 * and go on with signs of life.
 */
export const LAST_WORDS = 10_000;

const END = { done: true, value: undefined } as const;

/** The parts that `events` mean, those of one read together; what is not understood is a part that says so. */
export function parsed(events: Source<ServerEvent[]>, parser: EventParser): Source<StreamPart> {
  const parts: StreamPart[] = [];
  let ended = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isLate = false;
  const giveUp = () => {
    if (!parser.ending.isOver) return;
    isLate = true;
    events.cancel().catch(() => undefined);
  };
  const fill = async () => {
    if (parser.ending.isOver) timer ??= setTimeout(giveUp, LAST_WORDS);
    try {
      const { done, value } = await events.read();
      ended = done;
      if (done) parser.end(parts);
      else for (const event of value) parser.read(event, parts);
    } catch (error) {
      ended = true;
      if ((isLate || error instanceof ConnectionLost) && parser.ending.isWhole) parser.end(parts);
      else parts.push({ type: "error", error });
    }
    if (parts.length === 0) parts.push(ALIVE);
  };
  return {
    async read() {
      if (parts.length === 0 && !ended) await fill();
      const value = parts.shift();
      ended ||= value?.type === "finish";
      if (ended) clearTimeout(timer);
      return value ? { done: false, value } : END;
    },
    cancel: (reason) => {
      clearTimeout(timer);
      return events.cancel(reason);
    },
  };
}

/** Adds text, which joins what stands last if that is of its kind and block. Anything but text adds nothing. */
export function say(type: "text" | "thought", text: unknown, parts: StreamPart[], block = 0): void {
  if (typeof text !== "string" || text === "") return;
  const last = parts.at(-1);
  if (last?.type === type && last.block === block) last.text += text;
  else parts.push({ type, text, block });
}

/** A number of tokens; providers fill in 0 where they did not count. */
export const countOf = (tokens: Json | undefined): number | undefined =>
  Number(tokens) > 0 ? Number(tokens) : undefined;
