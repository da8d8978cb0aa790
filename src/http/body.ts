/** Reads the JSON body of a request: at most 1 MiB, counted while reading, in valid UTF-8, nested at most 64 levels deep. */
import { InexactNumber, parseExactly } from "./exact-number.ts";
import { invalid, Problem } from "../problem/problem.ts";

/** Bytes. */
const MAX_BODY = 1024 * 1024;
/** Levels of arrays and objects: deeper nesting could overflow the stack. And values in all of them. */
const MAX_DEPTH = 64;
const MAX_VALUES = 100_000;

/** A header that was sent twice arrives as a list. */
const JSON_TYPE = /^application\/(?:[\w.-]+\+)?json\s*(?:[;,]|$)/i;

/** True when the request says it carries JSON (RFC 8259, or a structured suffix, RFC 6839). */
const isJson = (request: Request) => JSON_TYPE.test(request.headers.get("content-type") ?? "");

/** Content codings (RFC 9110, 8.4) that leave the bytes as they are. */
const isPlain = (request: Request) =>
  /^[\s,]*(?:identity[\s,]*)*$/i.test(request.headers.get("content-encoding") ?? "");

/**
 * The parsed body, or undefined when there is none and `optional` allows it.
 * Throws 413 over the limit, 415 when it is not JSON or is packed, 400 when it is not well-formed, 422 when it is nested too deep
 * or has two members of one name in an object.
 */
export async function readJson(request: Request, optional: boolean): Promise<unknown> {
  if (Number(request.headers.get("content-length") ?? 0) > MAX_BODY) throw tooLarge();
  const bytes = await readBytes(request);
  if (bytes.length === 0 && optional) return undefined;
  if (!isJson(request)) {
    throw new Problem("unsupported_media_type", "Send the body as application/json.", {
      headers: { accept: "application/json" },
    });
  }
  if (!isPlain(request)) {
    throw new Problem("unsupported_media_type", "Send the body without a Content-Encoding: it is not unpacked here.", {
      headers: { "accept-encoding": "identity" },
    });
  }
  if (bytes.length === 0) throw malformed("The body is empty.");
  const text = decode(bytes);
  const { depth, values, members } = shapeOf(text);
  if (depth > MAX_DEPTH) throw invalid({ path: "", message: `is nested deeper than ${MAX_DEPTH} levels` });
  if (values > MAX_VALUES) throw invalid({ path: "", message: `has more than ${MAX_VALUES} values` });
  const value = parse(text);
  // Of members with one name the parser keeps the last, and others the first (RFC 8259, section 4).
  if (membersIn(value) < members) throw invalid({ path: "", message: "has an object with two members of one name" });
  return value;
}

function parse(text: string): unknown {
  try {
    return parseExactly(text);
  } catch {
    throw malformed("The body is not valid JSON.");
  }
}

/** Members of all objects in a parsed value. */
function membersIn(value: unknown): number {
  if (typeof value !== "object" || value === null || value instanceof InexactNumber) return 0;
  const inner = Object.values(value);
  return inner.reduce<number>((sum, one) => sum + membersIn(one), Array.isArray(value) ? 0 : inner.length);
}

const malformed = (detail: string) => new Problem("malformed_json", detail);
const tooLarge = () => new Problem("payload_too_large", `The body may have at most ${MAX_BODY} bytes.`);

async function readBytes(request: Request): Promise<Uint8Array> {
  try {
    // The server sees to it that a body has the length that was declared: then it needs no counting.
    const declared = request.headers.get("content-length");
    return declared === null ? await counted(request.body) : new Uint8Array(await request.arrayBuffer());
  } catch (error) {
    if (error instanceof Problem) throw error;
    throw new Problem("malformed_request", "The body could not be read to its end.");
  }
}

async function counted(body: ReadableStream<Uint8Array> | null): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body ?? []) {
    size += chunk.byteLength;
    if (size > MAX_BODY) throw tooLarge();
    chunks.push(chunk);
  }
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.byteLength;
  }
  return bytes;
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(bytes);
  } catch {
    throw malformed("The body is not valid UTF-8.");
  }
}

/** Deepest nesting, roughly how many values, and members of all objects. Of text that is no JSON any numbers: it is refused afterwards. */
function shapeOf(text: string): { depth: number; values: number; members: number } {
  let level = 0;
  let depth = 0;
  let values = 1;
  let members = 0;
  let inString = false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (inString) {
      if (code === 0x5c) i++;
      else if (code === 0x22) inString = false;
    } else if (code === 0x22) inString = true;
    else if (code === 0x2c) values++;
    else if (code === 0x3a) members++;
    else if (code === 0x5b || code === 0x7b) {
      values++;
      depth = Math.max(depth, ++level);
    } else if (code === 0x5d || code === 0x7d) level--;
  }
  return { depth, values, members };
}
