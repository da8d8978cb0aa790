/** Web origins (RFC 6454): which websites may put an agent on their pages. Compared whole, never by pattern. */
import { isLoopback } from "./outbound.ts";

/** `scheme://host[:port]` in its one spelling, or null when `value` is anything else or holds more than an origin. */
export function normaliseOrigin(value: string): string | null {
  if (!/^https?:\/\/[^/?#@*\\\s]+\/?$/i.test(value)) return null;
  try {
    return new URL(value).origin;
  } catch {
    return null;
  }
}

/**
 * Whether a page of `origin` (the request's Origin header) may use an agent that lists `allowed`. Without a header the
 * request comes from no page at all, and then, as from a loopback page when nothing is listed, only `local` lets it in.
 */
export function originAllowed(origin: string | undefined, allowed: readonly string[], local: boolean): boolean {
  if (origin === undefined) return local;
  if (allowed.includes(origin)) return true;
  return local && allowed.length === 0 && isLoopbackOrigin(origin);
}

function isLoopbackOrigin(origin: string): boolean {
  const normalised = normaliseOrigin(origin);
  return normalised !== null && isLoopback(new URL(normalised).hostname);
}
