/**
 * The calls of tools in a streamed answer of OpenAI's protocol, put together from their pieces. What sets two calls apart
 * differs from server to server: the index, the id, or only that the one before was whole.
 */
import { isObject } from "../json-schema.ts";
import { argumentsOf, newCallId } from "../http-tool.ts";
import type { StreamPart } from "../connect.ts";
import type { Json, JsonObject } from "../../json.ts";
import { ALIVE } from "./parts.ts";

/**
 * `input`: its pieces together; `first`, `latest`: the first and the latest of them that say anything; `notes`: its
 * `extra_content`, which the provider has to get back with it (Google's signature of a thought, for one).
 */
type Call = {
  index: Json;
  id: string;
  name: string;
  input: string;
  first: string;
  latest: string;
  notes: JsonObject | null;
};

export class OpenAiCalls {
  readonly #calls: Call[] = [];
  /** The call that each index stands for now; some servers give none, and some the same one to every call. */
  readonly #current = new Map<unknown, Call>();
  /** The call that the last piece was of. */
  #latest: Call | undefined;

  /** Takes pieces, of which each adds a sign of life to `parts`. What is no piece of a call is passed over. */
  add(pieces: Json | undefined, parts: StreamPart[]): void {
    for (const piece of Array.isArray(pieces) ? pieces : [pieces]) {
      if (!isObject(piece)) continue;
      // Two older forms have name and arguments in the piece itself.
      const { name, arguments: input } = isObject(piece["function"]) ? piece["function"] : piece;
      const call = this.#callOf(piece["index"] ?? null, textOf(piece["id"]).trim(), textOf(name).trim(), textOf(input));
      if (!call) continue;
      if (isObject(piece["extra_content"])) call.notes ??= piece["extra_content"];
      parts.push(ALIVE);
    }
  }

  /** All calls, once nothing more will come. */
  parts(): StreamPart[] {
    const ids = new Set([""]);
    const sent = new Set<string>();
    return this.#calls
      .filter(({ name, input }) => name !== "" || input !== "")
      .map((call) => ({ ...call, input: inputOf(call) }))
      .filter((call) => {
        const known = identity(call);
        return known === null || sent.size !== sent.add(known).size;
      })
      .map(({ id, name, input, notes }) => ({
        type: "call",
        // Results are told apart by it.
        id: ids.size === ids.add(id).size ? newCallId() : id,
        name,
        input,
        ...(notes ? { notes } : {}),
      }));
  }

  #callOf(index: Json, id: string, name: string, input: string): Call | null {
    const byId = id === "" ? undefined : this.#calls.findLast((call) => call.id === id);
    let call = byId ?? (index === null ? this.#latest : this.#current.get(index));
    if (!call && id === "" && name === "") {
      if (input === "") return null;
      // Some servers give the arguments of a call another index than its name.
      if (this.#latest && !isWhole(this.#latest.input)) call = this.#latest;
    }
    if (!call || (byId ? isNamesake(byId, index, name, input) : isNext(call, id, name, input))) {
      call = { ...{ index, id: "", name: "", input: "" }, ...{ first: "", latest: "", notes: null } };
      this.#calls.push(call);
    }
    this.#current.set(index, call);
    this.#latest = call;
    call.id ||= id;
    call.name ||= name;
    // Some servers send the whole call once more at its end.
    if (!byId || input !== call.input || !isWhole(input)) call.input += input;
    call.first ||= input;
    call.latest = input || call.latest;
    return call;
  }
}

/** Arguments that need nothing more. */
const isWhole = (input: string): boolean => input !== "" && argumentsOf(input) !== null;

/** What two calls have in common that are one, sent under two indexes, as LocalAI does; null where that cannot be told. */
const identity = ({ id, name, input }: Call): string | null =>
  id !== "" && isWhole(input) ? JSON.stringify([id, name, argumentsOf(input)]) : null;

/** Whether a piece begins another call under the same id. */
function isNamesake(call: Call, index: Json, name: string, input: string): boolean {
  if (name === "" || !isWhole(call.input)) return false;
  return index !== call.index || (isWhole(input) && input !== call.input);
}

/** The arguments of a call. Some servers repeat with each piece what came before it: then the last one has all of them. */
const inputOf = ({ input, first, latest }: Call): string =>
  isWhole(input) || !latest.startsWith(first) || !isWhole(latest) ? input : latest;

/** Whether a piece with a name begins another call: servers repeat the name of the present one, too. */
function isNext(call: Call, id: string, name: string, input: string): boolean {
  if (name === "" || call.name === "") return false;
  if (id !== "" && call.id !== "") return id !== call.id;
  return name !== call.name || (input !== "" && call.input !== "" && argumentsOf(call.input) !== null);
}

/** "" where nothing is given; some servers give the arguments as the object that they are. */
function textOf(value: Json | undefined): string {
  if (value === undefined || value === null) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}
