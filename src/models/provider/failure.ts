/** Whatever goes wrong with a model becomes a ModelFailure here, told in our own words only. */
import { ModelFailure, type FailureKind } from "../../chat/ports.ts";
import { OutboundRefusal } from "../../net/outbound.ts";
import { NotUnderstood, type Trouble, UpstreamError } from "./report.ts";
import { ConnectionLost } from "./upstream.ts";

/** A failure of a provider: what kind of thing is wrong there, and the status that it gave, if it gave one. */
export class ProviderFailure extends ModelFailure {
  readonly trouble: Trouble;
  readonly status: number | null;
  constructor(kind: FailureKind, message: string, trouble: Trouble, status: number | null = null) {
    super(kind, message);
    this.trouble = trouble;
    this.status = status;
  }
}

/** Status of an answer that tells of no other one. */
const OK = 200;

/**
 * The failure that `error` is. Once the answer has `started`, asking again could only give another one, so then nothing
 * is merely unavailable.
 */
export function failureOf(error: unknown, started: boolean): ModelFailure {
  if (error instanceof ModelFailure) return error;
  if (error instanceof ConnectionLost) {
    return started
      ? new ProviderFailure("error", "the connection broke in mid-answer", "upstream", OK)
      : new ProviderFailure("unavailable", "no connection", "address");
  }
  if (error instanceof OutboundRefusal) return new ProviderFailure("error", error.message, "address", error.status);
  if (error instanceof UpstreamError) {
    const { message, trouble, status } = error;
    const kind = !started && trouble === "busy" ? "unavailable" : "error";
    return new ProviderFailure(kind, message, trouble, status ?? OK);
  }
  if (error instanceof NotUnderstood)
    return new ProviderFailure("error", "the answer is not understood", "protocol", OK);
  // The name of an error's class is ours to log, its message may quote the upstream.
  return new ProviderFailure("error", error instanceof Error ? error.name : "unknown", "protocol");
}

/** Whether the upstream refused a request because it has more than its model can take. */
export const isTooLong = (error: unknown): boolean => error instanceof UpstreamError && error.isTooLong;
