/**
 * A tool that an agent has: one POST to the company's own address. Whatever goes wrong is a result for the model to read,
 * never an error of the turn, and only what the tool itself said about a call of ours is passed on.
 */
import type { Action, TurnRef } from "../chat/ports.ts";
import type { Json, JsonObject } from "../json.ts";
import { type OutboundPolicy, OutboundRefusal, outboundFetch } from "../net/outbound.ts";
import { isObject } from "./json-schema.ts";
import { mismatch } from "./schema-check.ts";

export type Tool = {
  name: string;
  description: string;
  /** JSON Schema of the arguments. */
  parameters: JsonObject;
  url: string;
  /** Milliseconds that the tool may take. */
  timeout_ms: number;
  /** A header that tells the tool who calls; `read` gives its value, or null when it cannot be decrypted any more. */
  secret: { name: string; read: () => Promise<string | null> } | null;
  /** A token that says for whom a call is. */
  identify: (turn: TurnRef, call_id: string) => Promise<string>;
};

/** Whatever a model may call: a tool of the agent's, or something in the conversation itself. */
export type Callable = Tool | Action;

/** One call as the model wants it; `input` is the JSON that it wrote, which may be none. */
export type ToolRequest = { call_id: string; name: string; input: string };

/** `output` of a call that failed is a sentence. `otherwise`: see Action. */
export type ToolResult = { failed: boolean; output: Json; otherwise?: string };

/** Carries that token. */
const IDENTITY = "x-conversation-identity";
/** Bytes of a tool's answer. */
const MAX_ANSWER = 64 * 1024;
/** UTF-16 code units of an answer that refuses a call, as far as the model is told. */
const MAX_REFUSAL = 2000;

const failed = (output: string): ToolResult => ({ failed: true, output });

/** UTF-16 code units of a call's arguments. */
const MAX_INPUT = 64 * 1024;

/**
 * The arguments that the model wrote, or null when they are not a JSON object of a fair size. Nothing, null and an empty list
 * are no arguments; some servers write the JSON as a string of JSON.
 */
export function argumentsOf(input: string): JsonObject | null {
  if (input.length > MAX_INPUT) return null;
  try {
    const outer: unknown = JSON.parse(input.trim() || "{}");
    const value: unknown = typeof outer === "string" ? JSON.parse(outer.trim() || "{}") : outer;
    if (value === null || (Array.isArray(value) && value.length === 0)) return {};
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}

/** An id for a call that has none of its own. Mistral takes no other than nine letters and digits. */
export const newCallId = (): string => crypto.randomUUID().replaceAll("-", "").slice(0, 9);

/** Calls a tool or an action by name. Never rejects; when `signal` aborts the request is broken off. */
export async function callTool(
  tools: Callable[],
  request: ToolRequest,
  turn: TurnRef,
  policy: OutboundPolicy,
  signal: AbortSignal,
): Promise<ToolResult> {
  const tool = tools.find(({ name }) => name === request.name);
  if (!tool) return failed("There is no such tool.");
  const input = argumentsOf(request.input);
  if (!input) return failed("The arguments are not a JSON object, or too long.");
  const problem = mismatch(tool.parameters, input);
  if (problem) {
    const where = problem.path.length > 0 ? `. At ${problem.path.join("/")}` : "";
    return failed(`The arguments do not fit${where}: ${problem.message}`);
  }
  if ("run" in tool) return { failed: false, ...tool.run(input) };
  const secret = tool.secret && (await tool.secret.read().catch(() => null));
  if (tool.secret && secret === null) return failed("The tool cannot be called: its secret has to be set again.");
  const headers = new Headers({ "content-type": "application/json", accept: "application/json" });
  if (tool.secret && secret !== null) headers.set(tool.secret.name, secret);
  const { call_id, name } = request;
  headers.set(IDENTITY, await tool.identify(turn, call_id));
  const body = JSON.stringify({ call_id, name, arguments: input, ...turn });
  return post(tool, { method: "POST", headers, body }, policy, signal);
}

async function post(tool: Tool, init: RequestInit, policy: OutboundPolicy, signal: AbortSignal): Promise<ToolResult> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), tool.timeout_ms);
  try {
    const patience = AbortSignal.any([signal, late.signal]);
    const response = await outboundFetch(policy, MAX_ANSWER)(tool.url, { ...init, signal: patience });
    return resultOf(response.status, await response.text());
  } catch (error) {
    if (late.signal.aborted) return failed(`The tool did not answer within ${tool.timeout_ms} ms.`);
    const reason = error instanceof OutboundRefusal ? error.message : "no connection, or one that broke";
    return failed(`The tool could not be called: ${reason}.`);
  } finally {
    clearTimeout(timer);
  }
}

/** A 4xx says what is wrong with the call, so the model may read it; what a tool that broke says is nobody's business. */
function resultOf(status: number, text: string): ToolResult {
  if (status >= 400 && status < 500) {
    const why = text.slice(0, MAX_REFUSAL).toWellFormed();
    return failed(`The tool refused the call with status ${status}${why === "" ? "." : `: ${why}`}`);
  }
  if (status < 200 || status > 299) return failed(`The tool failed with status ${status}.`);
  if (text.trim() === "") return { failed: false, output: null };
  try {
    return { failed: false, output: JSON.parse(text) as Json };
  } catch {
    return failed("The tool did not answer with JSON.");
  }
}
