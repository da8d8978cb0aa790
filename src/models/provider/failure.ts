/** Whatever goes wrong with a model becomes a ModelFailure here, told in our own words only. */
import { ModelFailure } from "../../chat/ports.ts";
import { OutboundRefusal } from "../../net/outbound.ts";
import { ConnectionLost, UpstreamStatus } from "./upstream.ts";

/** Statuses that say "not now": too many requests, unavailable, overloaded (the last is Anthropic's own). */
const BUSY = [429, 503, 529];

/**
 * The failure that `thrown` is. Once the answer has `started`, asking again could only give another one, so then nothing
 * is merely unavailable.
 */
export function failureOf(thrown: unknown, started: boolean): ModelFailure {
  const error = rootOf(thrown);
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

/** What we threw ourselves, where a client has wrapped it in an error of its own; else `thrown`. */
function rootOf(thrown: unknown): unknown {
  for (let error = thrown; error instanceof Error; error = error.cause) {
    if ([ModelFailure, OutboundRefusal, ConnectionLost, UpstreamStatus].some((own) => error instanceof own))
      return error;
  }
  return thrown;
}

/** The HTTP status that `error` is or carries: errors reported inside a stream name one as `statusCode` or `code`. */
function statusOf(error: unknown): number | null {
  if (error instanceof UpstreamStatus) return error.status;
  if (typeof error !== "object" || error === null) return null;
  const { statusCode, code } = error as { statusCode?: unknown; code?: unknown };
  const isError = (value: unknown): value is number => typeof value === "number" && value >= 400 && value < 600;
  return [statusCode, code].find(isError) ?? null;
}

/** The name of an error's class is ours to log, its message may quote the upstream. */
const kindOf = (error: unknown) => (error instanceof Error ? error.name : "the answer contains an error");
