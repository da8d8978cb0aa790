/** Server-sent events as they arrive (WHATWG HTML, "Server-sent events"): bytes in, what a protocol makes of them out. */
import type { StreamPart } from "../connect.ts";
import type { Source } from "../../net/source.ts";

/** A protocol's reading of its events. */
export type EventParser = {
  /** Adds what the data of an event means to `parts`. Throws when it is no event of this protocol. */
  read(data: string, parts: StreamPart[]): void;
  /** Nothing more will come. */
  end(parts: StreamPart[]): void;
};

const END = { done: true, value: undefined } as const;

/** The parts that `bytes` mean, those of one read together; an event that is none is a part that says so. */
export function parsed(bytes: Source<Uint8Array>, parser: EventParser): Source<StreamPart> {
  const eventsOf = eventReader();
  let parts: StreamPart[] = [];
  let ended = false;
  const fill = async () => {
    const { done, value } = await bytes.read();
    ended = done;
    try {
      if (done) parser.end(parts);
      else for (const data of eventsOf(value)) parser.read(data, parts);
    } catch (error) {
      parts.push({ type: "error", error });
    }
  };
  return {
    async read() {
      while (parts.length === 0 && !ended) await fill();
      const [value, ...rest] = parts;
      parts = rest;
      return value ? { done: false, value } : END;
    },
    cancel: (reason) => bytes.cancel(reason),
  };
}

/** Of every kind of text there is one: these protocols do not tell several apart. */
const ID = "0";

/** Adds text, which joins what stands last if that is of its kind. Anything but text adds nothing. */
export function say(type: "text-delta" | "reasoning-delta", text: unknown, parts: StreamPart[]): void {
  if (typeof text !== "string" || text === "") return;
  const last = parts.at(-1);
  if (last?.type === type) last.delta += text;
  else parts.push({ type, id: ID, delta: text });
}

/**
 * Takes chunk after chunk and gives the data of the events that each completes. Characters and lines may be cut anywhere;
 * an event's data lines are joined, comments and other fields dropped.
 */
function eventReader(): (chunk: Uint8Array) => string[] {
  const decoder = new TextDecoder();
  let line = "";
  let data: string[] = [];
  return (chunk) => {
    const events: string[] = [];
    const lines = decoder.decode(chunk, { stream: true }).split("\n");
    lines[0] = line + lines[0];
    line = lines.pop() ?? "";
    for (const raw of lines) {
      const text = raw.endsWith("\r") ? raw.slice(0, -1) : raw;
      if (text.startsWith("data:")) data.push(text.slice(text[5] === " " ? 6 : 5));
      else if (text === "" && data.length > 0) {
        events.push(data.join("\n"));
        data = [];
      }
    }
    return events;
  };
}
