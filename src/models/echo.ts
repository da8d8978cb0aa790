/**
 * `builtin/echo`, for tests: answers `echo: <message>` word by word. A message `/sleep <ms> <text>` is answered with
 * `echo: <text>`, and the wait of at most 10 s lies between its first piece and the rest.
 */
import { type Model, type ModelEvent, type ModelRequest, questionsOf } from "../chat/ports.ts";
import type { Sleep } from "./sleep.ts";
import { words } from "./words.ts";

/** Milliseconds that a message can make us wait. */
const MAX_SLEEP = 10_000;

const SLEEP = /^\/sleep (\d{1,9})(?: ([\s\S]*))?$/;

export function echoModel(name: string, sleep: Sleep): Model {
  return { name, stream: (request, signal) => echo(request, signal, sleep) };
}

async function* echo(request: ModelRequest, signal: AbortSignal, sleep: Sleep): AsyncGenerator<ModelEvent, void> {
  const message = questionsOf(request).at(-1) ?? "";
  const asked = SLEEP.exec(message);
  if (signal.aborted) return;
  yield { type: "text", text: "echo: " };
  if (asked) await sleep(Math.min(Number(asked[1]), MAX_SLEEP), signal);
  for (const text of words(asked ? (asked[2] ?? "") : message)) {
    if (signal.aborted) return;
    yield { type: "text", text, apart: true };
  }
  if (!signal.aborted) yield { type: "finish", usage: null };
}
