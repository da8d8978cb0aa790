/** Whatever goes wrong with a model becomes a ModelFailure here, told in our own words only. */
import { ModelFailure } from "../chat/ports.ts";
import { OutboundRefusal } from "../http/outbound.ts";
import { ConnectionLost, UpstreamStatus } from "./upstream.ts";

/** Statuses that say "not now": too many requests, unavailable, overloaded (the last is Anthropic's own). */
const BUSY = [429, 503, 529];

/**
 * The failure that `error` is. Once the answer has `started`, asking again could only give another one, so then nothing
 * is merely unavailable.
 */
export function failureOf(error: unknown, started: boolean): ModelFailure {
  if (error instanceof ModelFailure) return error;
  if (error instanceof ConnectionLost) {
    return started
      ? new ModelFailure("error", "the connection broke in mid-answer")
      : new ModelFailure("unavailable", "no connection");
  }
  if (error instanceof OutboundRefusal) return new ModelFailure("error", error.message);
  const status = statusOf(error);
  const kind = !started && status !== null && BUSY.includes(status) ? "unavailable" : "error";
  return new ModelFailure(kind, status === null ? kindOf(error) : `HTTP ${status}`);
}

/** The HTTP status that `error` is or carries: errors reported inside a stream name one as `statusCode` or `code`. */
function statusOf(error: unknown): number | null {
  if (error instanceof UpstreamStatus) return error.status;
  if (typeof error !== "object" || error === null) return null;
  const { statusCode, code } = error as { statusCode?: unknown; code?: unknown };
  return [statusCode, code].find((value): value is number => Number.isInteger(value)) ?? null;
}

/** The name of an error's class is ours to log, its message may quote the upstream. */
const kindOf = (error: unknown) => (error instanceof Error ? error.name : "the answer contains an error");
