/**
 * Server-sent events (WHATWG HTML, "Server-sent events") as providers really write them: an event is a whole JSON document
 * or `[DONE]`, wherever its lines end. Nothing that was received is passed over: what is neither an event nor a comment or
 * a field without meaning ends the answer as one that was not understood.
 */
import { isObject } from "../json-schema.ts";
import type { JsonObject } from "../../json.ts";
import type { Source } from "../../net/source.ts";
import { NotUnderstood } from "./report.ts";

/** The protocol's own "that was all". */
export const DONE = "[DONE]";

/** `name` is that of the `event:` field, or "". */
export type ServerEvent = { name: string; data: JsonObject | typeof DONE };

/** How often one event that grows line by line is looked at before it has to end with an empty line. */
const MAX_LOOKS = 16;

/** Milliseconds that an upstream has to close a connection on which it has said everything. */
const LINGER = 100;

const LINE_END = /\r\n|\n|\r/;
/** The field of an event's data: proxies indent it, and put it before one that stands there already. */
const DATA = /^\s{0,64}(?:data:\s?)+/i;
/** Fields of the specification, and those that somebody made up: they say nothing about the answer. */
const OTHER_FIELD = /^(?:[\w-]{1,64}:|(?:id|retry|event|data)$)/;
/** Data that only says that somebody is there: a comment that a proxy made an event of, or a word. */
const HEARTBEAT = /^\s*(?::|\W{0,4}(?:ping|pong|heartbeat|keep[-_ ]?alive)\W{0,4}$)/i;

class EventReader {
  readonly #decoder = new TextDecoder();
  #line = "";
  #data: string | null = null;
  #name = "";
  #looks = 0;
  /** The lines of a JSON document that stands in the body without `data:`, as errors of gateways do. */
  #bare = false;
  #endedInCr = false;

  /** Something has arrived that is no event yet. */
  get pending(): boolean {
    return this.#line !== "" || this.#data !== null;
  }

  /** Adds the events that `chunk` completes. Throws NotUnderstood. */
  feed(chunk: Uint8Array, events: ServerEvent[]): void {
    this.#read(this.#decoder.decode(chunk, { stream: true }), events);
  }

  /** Adds the last event, if it only lacks its end. Throws NotUnderstood when what is left is not one. */
  end(events: ServerEvent[]): void {
    this.#read(this.#decoder.decode(), events);
    const rest = this.#line;
    this.#line = "";
    const isData = DATA.test(rest) || this.#bare || startsJson(rest);
    if (rest !== "" && !rest.startsWith(":") && !isData) throw new NotUnderstood();
    this.#take(rest, events);
    this.#take("", events);
  }

  #read(text: string, events: ServerEvent[]): void {
    if (text === "") return;
    const lines = (this.#endedInCr && text.startsWith("\n") ? text.slice(1) : text).split(LINE_END);
    this.#endedInCr = text.endsWith("\r");
    lines[0] = this.#line + lines[0];
    this.#line = lines.pop() ?? "";
    for (const line of lines) this.#take(line, events);
  }

  #take(line: string, events: ServerEvent[]): void {
    if (!this.#bare && line.startsWith("data: {")) return this.#add(line.slice(6), events);
    const [field] = (!this.#bare && DATA.exec(line)) || [];
    if (line === "") this.#endEvent(events);
    else if (field) this.#add(line.slice(field.length), events);
    else if (line.startsWith(":")) return;
    else if (line.startsWith("event:")) this.#name = line.slice(6).trim();
    else if (/^error:/i.test(line)) {
      this.#name = "error";
      this.#add(line.slice(6), events);
    } else if (this.#bare || startsJson(this.#data ?? line)) {
      if (!this.#bare && OTHER_FIELD.test(line)) return;
      // What goes on without `data:` was written as a document of several lines.
      this.#bare = true;
      this.#add(line, events);
    } else if (!OTHER_FIELD.test(line) && line.trim() !== "") throw new NotUnderstood();
  }

  /** An event that is whole is passed on at once: some servers never send the empty line that would end it. */
  #add(text: string, events: ServerEvent[]): void {
    if (this.#data === null && (text.trim() === "" || HEARTBEAT.test(text.slice(0, 64)))) return;
    this.#data = this.#data === null ? text : `${this.#data}\n${text}`;
    const mayBeWhole = /[}\]]$/.test(text.slice(-64).trimEnd());
    if (mayBeWhole && this.#looks++ < MAX_LOOKS) this.#emit([documentOf(this.#data)], events);
  }

  #endEvent(events: ServerEvent[]): void {
    if (this.#data !== null) {
      const isNote = !["", "message", "error"].includes(this.#name) && !startsJson(this.#data);
      if (this.#name === "error" && !startsJson(this.#data)) this.#emit([{ message: this.#data }], events);
      else if (isNote) this.#forget();
      else this.#emit(documentsOf(this.#data), events);
      if (this.#data !== null) throw new NotUnderstood();
    }
    this.#name = "";
  }

  /** Adds these documents as events, and keeps the data where one of them is none. */
  #emit(documents: unknown[], events: ServerEvent[]): void {
    const found = documents.flatMap((one) => (Array.isArray(one) ? one.filter(isObject) : [one]));
    if (!found.every((data) => data === DONE || data === null || isObject(data))) return;
    for (const data of found) if (data !== null) events.push({ name: this.#name, data } as ServerEvent);
    this.#forget();
  }

  #forget(): void {
    this.#data = null;
    this.#bare = false;
    this.#looks = 0;
  }
}

const startsJson = (text: string) => /^\s*[{[]/.test(text.slice(0, 64));

/** What the text is as a whole, or undefined when it is no JSON document. */
function documentOf(text: string): unknown {
  if (/^\s*"?\[done\]"?\s*$/i.test(text)) return DONE;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The documents that stand one behind another in a text, as where two events were joined; undefined for what is none. */
function documentsOf(text: string): unknown[] {
  const whole = documentOf(text);
  if (whole !== undefined || !startsJson(text)) return [whole];
  const found: unknown[] = [];
  let depth = 0;
  let start = 0;
  let isQuoted = false;
  for (let at = 0; at < text.length; at++) {
    const character = text.charAt(at);
    if (character === "\\" && isQuoted) at++;
    else if (character === '"') isQuoted = !isQuoted;
    else if (!isQuoted && "{[".includes(character)) depth++;
    else if (!isQuoted && "}]".includes(character) && --depth === 0) {
      found.push(documentOf(text.slice(start, at + 1)));
      start = at + 1;
    }
  }
  return text.slice(start).trim() === "" ? found : [undefined];
}

const END = { done: true, value: undefined } as const;

/**
 * The events of each read of `bytes`: none where something arrived that completes none, as keep-alive comments do. Reads
 * throw NotUnderstood once all that stood before it was read.
 */
export function eventsIn(bytes: Source<Uint8Array>): Source<ServerEvent[]> {
  const reader = new EventReader();
  let saidDone = false;
  const next = () => (saidDone && !reader.pending ? lastRead(bytes) : bytes.read());
  return readAhead(async (events: ServerEvent[]) => {
    const { done, value } = await next();
    if (done) reader.end(events);
    else reader.feed(value, events);
    saidDone ||= events.some(({ data }) => data === DONE);
    return done;
  }, bytes);
}

/**
 * What `fill` adds with each call, until it returns true. Where it throws, what it added before is read first. `below` is
 * cancelled with it.
 */
function readAhead<T>(fill: (items: T[]) => Promise<boolean>, below: Pick<Source<unknown>, "cancel">): Source<T[]> {
  let ended = false;
  let failure: { error: unknown } | null = null;
  return {
    async read() {
      if (failure) throw failure.error;
      if (ended) return END;
      const items: T[] = [];
      try {
        ended = await fill(items);
      } catch (error) {
        failure = { error };
        if (items.length === 0) throw error;
      }
      return ended && items.length === 0 ? END : { done: false, value: items };
    },
    cancel: (reason) => below.cancel(reason),
  };
}

/** Some servers leave the connection open; one that ends properly can be used again. However that end comes, it is one. */
async function lastRead(bytes: Source<Uint8Array>): Promise<typeof END> {
  const timer = setTimeout(() => void bytes.cancel().catch(() => undefined), LINGER);
  await bytes.read().catch(() => undefined);
  clearTimeout(timer);
  return END;
}
