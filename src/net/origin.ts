/** Web origins (RFC 6454): which websites and apps may use an agent on their pages. Compared whole, never by pattern. */
import { isLoopback } from "./outbound.ts";

/** Pages of apps, such as capacitor://localhost; the host is all that a browser puts behind such a scheme. */
const APP = /^([a-z][a-z0-9+.-]{0,31}):\/\/(\.|[a-z0-9](?:[a-z0-9._-]{0,251}[a-z0-9])?)(:\d{1,5})?\/?$/i;
/** Schemes whose pages have no origin of their own, and those that no page has. */
const NO_PAGE = /^(?:about|blob|data|file|filesystem|ftp|javascript|view-source|wss?)$/i;

/** `scheme://host[:port]` in its one spelling, or null when `value` is anything else or holds more than an origin. */
export function normaliseOrigin(value: string): string | null {
  if (!/^https?:/i.test(value)) {
    const [, scheme = "", host = "", port = ""] = APP.exec(value) ?? [];
    return host === "" || NO_PAGE.test(scheme) ? null : `${scheme}://${host}${port}`.toLowerCase();
  }
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
  // Extensions of Safari send capitals.
  if (allowed.includes(origin) || allowed.includes(normaliseOrigin(origin) ?? origin)) return true;
  return local && allowed.length === 0 && isLoopbackOrigin(origin);
}

function isLoopbackOrigin(origin: string): boolean {
  const normalised = normaliseOrigin(origin);
  return normalised !== null && /^https?:/.test(normalised) && isLoopback(new URL(normalised).hostname);
}
