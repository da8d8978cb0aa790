/**
 * What an upstream says when it gives no answer, brought to words of our own. Its own words stay in here: no message, log or
 * answer of ours quotes them.
 */
import { isObject } from "../json-schema.ts";
import type { Json, JsonObject } from "../../json.ts";
import type { Source } from "../../net/source.ts";

/** What kind of thing is wrong. `request`: it does not like what we send; `upstream`: it broke; `protocol`: it is no model. */
export type Trouble = "address" | "key" | "quota" | "model" | "request" | "protocol" | "busy" | "upstream";

/** What arrived is not the protocol that was expected. */
export class NotUnderstood extends Error {}

/** The upstream says that it has failed: with a status, or inside an answer. */
export class UpstreamError extends Error {
  readonly status: number | null;
  readonly trouble: Trouble;
  readonly #text: string;

  /** `http`: the status of the answer, or null inside one. `body`: what it says, parsed where it is JSON. */
  constructor(http: number | null, body: unknown) {
    const { codes, texts } = saidIn(body);
    const named = codes.map(Number).find((code) => code >= 400 && code < 600);
    const status = http ?? named ?? null;
    super(http === null ? "an error inside the answer" : `HTTP ${http}`);
    this.status = status;
    // Text is only a hint for those who name no code, or one of their own numbers.
    const isNamed = named !== undefined || codes.some((code) => /[a-z]/i.test(code));
    this.trouble = troubleOf(status, named ?? null, isNamed ? codes : texts, texts);
    this.#text = [...codes, ...texts].join("\n");
  }

  /** Whether the request had more tokens than the model can take. */
  get isTooLong(): boolean {
    return [400, 413, 422].includes(this.status ?? 0) && this.mentions(TOO_LONG);
  }

  /** Whether the upstream minds how it was asked: in another manner it may answer. */
  get isRefusal(): boolean {
    return (this.status === 400 || this.status === 422) && !this.isTooLong;
  }

  /** Whether the upstream speaks of this part of a request. */
  mentions(part: RegExp): boolean {
    return part.test(this.#text);
  }

  /** The number that the upstream says, where `part` finds one; NaN otherwise. */
  numberIn(part: RegExp): number {
    return Number(part.exec(this.#text)?.[1]);
  }
}

/** As vendors say it: "maximum context length", "prompt is too long", "input token count exceeds", "request too large". */
const TOO_LONG =
  /context[ _-]?(length|window|size)|(prompt|input|request|message)s? (is |was |are )?too (long|large)|too many (input |prompt )?tokens|reduce the length|token[^.]{0,40} exceeds?|exceeds?[^.]{0,40} tokens?/i;

/** Statuses that say "not now": too many requests, unavailable, overloaded (the last is Anthropic's own). */
const BUSY = [429, 503, 529];
/** The same in the words of many vendors, as they are without case and punctuation. */
const BUSY_WORDS =
  /ratelimit|requestlimit|toomanyrequests|overload|throttl|unavailable|resourceexhausted|busy|capacity|concurren|highdemand|loading/;
const QUOTA_WORDS = /insufficient(quota|balance|credit|funds)|exceededcurrentquota|hardlimit|paymentrequired|arrear/;
const KEY_WORDS = /apikey|authenticat|unauthori[sz]ed|permission|forbidden|credential/;
const MODEL_WORDS = /model(?:(?!model)\w)*?(notfound|notexist|unknown)|(unknown|invalid|nosuch)model/;
/** What a refusal says in words where its codes only say that it is one. */
const QUOTA_TEXT = /creditbalance|insufficientbalance/;
const KEY_TEXT = /(incorrect|invalid|wrong|missing|expired)apikey|apikey(is)?(not)?(valid|invalid|found)/;
const MODEL_TEXT =
  /model\w{0,40}?(notexist|notfound|isinvalid)|(unknown|invalid|nosuch)model|notavalidmodel|modelidentifier/;

function troubleOf(status: number | null, named: number | null, codes: string[], texts: string[]): Trouble {
  const lettersOf = (text: string) => text.toLowerCase().replaceAll(/[^a-z]/g, "");
  const words = codes.map(lettersOf);
  const say = (pattern: RegExp) => words.some((word) => pattern.test(word));
  const tell = (pattern: RegExp) => texts.some((text) => pattern.test(lettersOf(text)));
  const is = (...statuses: number[]) => statuses.includes(status ?? 0) || statuses.includes(named ?? 0);
  if (is(402) || say(QUOTA_WORDS)) return "quota";
  if (is(...BUSY) || say(BUSY_WORDS)) return "busy";
  if (is(401, 403, 407) || say(KEY_WORDS)) return "key";
  if (say(MODEL_WORDS)) return "model";
  if (is(404, 405, 410, 421)) return texts.some((text) => /\bmodel/i.test(text)) ? "model" : "address";
  if (!is(400, 413, 415, 422)) return "upstream";
  if (tell(QUOTA_TEXT)) return "quota";
  if (tell(KEY_TEXT)) return "key";
  return tell(MODEL_TEXT) ? "model" : "request";
}

/** Members that name what happened, and those that tell it. */
const CODES = ["code", "type", "status", "reason", "status_code", "statusCode", "error_code", "param"];
const TEXTS = ["message", "detail", "msg", "error_msg", "error", "loc", "raw", "title", "status_msg"];
/** What is looked at: an error is a few members, not a document. */
const MAX_SAID = 64;
const MAX_DEPTH = 6;
const MAX_TEXT = 2000;

function saidIn(body: unknown): { codes: string[]; texts: string[] } {
  const codes: string[] = [];
  const texts: string[] = [];
  const look = (value: unknown, name: string, depth: number) => {
    if (codes.length + texts.length >= MAX_SAID || depth > MAX_DEPTH) return;
    if (typeof value === "string" || typeof value === "number") {
      const text = String(value).slice(0, MAX_TEXT);
      if (CODES.includes(name) && !/^(none|null|error)?$/i.test(text)) codes.push(text);
      else if (TEXTS.includes(name)) texts.push(text);
    } else if (Array.isArray(value)) for (const one of value) look(one, name, depth + 1);
    else if (isObject(value)) for (const [key, member] of Object.entries(value)) look(member, key, depth + 1);
  };
  look(body, "message", 0);
  return { codes, texts };
}

/** The error that an event tells of, in any of the places where one has been seen; undefined when it is none. */
export function errorIn(name: string, data: JsonObject): Json | undefined {
  const { error, errors, x_groq, base_resp, choices, type, object } = data;
  const [choice] = Array.isArray(choices) ? choices : [];
  // MiniMax ends every answer with a status, of which 0 is none.
  const status = isObject(base_resp) && base_resp["status_code"] ? base_resp : null;
  const places = [
    error,
    errors,
    isObject(x_groq) ? x_groq["error"] : null,
    isObject(choice) ? choice["error"] : null,
    status,
  ];
  const found = places.find(saysAnything);
  if (found !== undefined) return found;
  const isNamed = [name, type, object].includes("error");
  const tells = ["message", "msg", "error_msg"].some((member) => typeof data[member] === "string");
  const isBare = choices === undefined && (tells || "detail" in data);
  return isNamed || (isBare && !isNotice(name, String(type))) ? data : undefined;
}

/** Gateways written in languages without an idea of nothing send an empty error with every piece. */
const saysAnything = (value: Json | undefined): boolean =>
  typeof value === "object" && value !== null ? Object.values(value).some(saysAnything) : Boolean(value);

/** Events of gateways that tell something of themselves, such as a place in a queue. */
const isNotice = (name: string, type: string): boolean =>
  (!["", "message"].includes(name) || NOTICE.test(type)) && !TROUBLE.test(`${name} ${type}`);
const NOTICE = /ping|notice|info|status|progress|queue|log|debug|warn|alive|heartbeat|meta/i;
const TROUBLE = /err|fail|exception|limit|overload|denied|invalid|unavailable|timeout/i;

/** Bytes and milliseconds of an error's body that are read. */
const MAX_BODY = 16 * 1024;
const PATIENCE = 2_000;

/** The error that an answer without success is. */
export async function errorOf({ status, body }: { status: number; body: ReadableStream<Uint8Array> | null }) {
  const text = body ? await beginningOf(body.getReader()) : "";
  try {
    return new UpstreamError(status, JSON.parse(text));
  } catch {
    return new UpstreamError(status, text);
  }
}

async function beginningOf(reader: Source<Uint8Array>): Promise<string> {
  const timer = setTimeout(() => void reader.cancel().catch(() => undefined), PATIENCE);
  const decoder = new TextDecoder();
  let text = "";
  try {
    for (let next = await reader.read(); !next.done && text.length < MAX_BODY; next = await reader.read()) {
      text += decoder.decode(next.value, { stream: true });
    }
  } catch {
    // What was read is enough: the status is known.
  } finally {
    clearTimeout(timer);
    reader.cancel().catch(() => undefined);
  }
  return text.slice(0, MAX_BODY);
}
