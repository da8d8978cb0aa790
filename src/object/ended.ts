/**
 * Which credentials of a company have ended within the time that anybody remembers them: a revoked key, a deleted person, a
 * removed provider. Of too many, everything from before counts as ended. Pure; times are milliseconds.
 */
import { REMEMBERED } from "./known-callers.ts";

/** When the credentials that rest on a name ended, and the moment before which all are taken for ended. */
export type Ended = { all: number; at: Record<string, number> };

export const NOTHING_ENDED: Ended = { all: 0, at: {} };

/** Names that are remembered. */
const MOST = 500;
/** An end is noted before the database has it, and clocks differ: what was checked so soon after it is not believed. */
const MARGIN = 60_000;

export function withEnded({ all, at }: Ended, names: readonly string[], now: number): Ended {
  const recent = Object.entries(at).filter(([, when]) => now - when < REMEMBERED + MARGIN);
  const next = Object.fromEntries([...recent, ...names.map((name) => [name, now])]);
  return Object.keys(next).length > MOST ? { all: now, at: {} } : { all, at: next };
}

/** Whether a credential that rests on these names may have ended since it was checked. */
export const hasEnded = ({ all, at }: Ended, names: readonly string[], checked_at: number): boolean =>
  [all, ...names.map((name) => at[name] ?? 0)].some((ended) => checked_at < ended + MARGIN);
