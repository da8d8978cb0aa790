/** When a delivery is tried again. Pure; times are milliseconds. */

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** Pauses before the second attempt, the third and so on: three days in all. */
const PAUSES = [5_000, 30_000, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 16 * HOUR, 24 * HOUR];
/** A receiver cannot ask for a longer pause. */
const LONGEST = 24 * HOUR;

/**
 * When to try again after `attempts` (at least 1) that failed, or null when that was the last. `random` is from 0 to 1: what
 * failed together does not come back together. Never before `retry_after`, the moment that the receiver asked for.
 */
export function nextAttempt(attempts: number, retry_after: number | null, random: number, now: number): number | null {
  const pause = PAUSES[attempts - 1];
  if (pause === undefined) return null;
  const at = now + pause * (0.9 + random / 5);
  return Math.round(Math.max(at, Math.min(retry_after ?? 0, now + LONGEST)));
}

/** `Sun Nov  6 08:49:37 1994`, the one form of a date that does not name its zone (RFC 9110, section 5.6.7). */
const ASCTIME = /^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2} \d{4}$/;

/** The moment that a Retry-After header (RFC 9110, section 10.2.3) names, in seconds or as a date; null when it names none. */
export function retryAfter(header: string | null, now: number): number | null {
  if (header === null) return null;
  if (/^\d+$/.test(header.trim())) return now + Number(header) * 1000;
  // Date.parse takes much more than the dates of HTTP.
  const date = ASCTIME.test(header) ? `${header} GMT` : header;
  const at = date.endsWith("GMT") ? Date.parse(date) : Number.NaN;
  return Number.isNaN(at) ? null : at;
}
