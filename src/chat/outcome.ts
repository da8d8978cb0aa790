/** What chat/ answers where the caller must decide: plain data, because error classes do not survive RPC. */
import type { TurnErrorCode } from "./turn.ts";

export type Refusal = {
  code:
    | TurnErrorCode
    | "not_found"
    | "rate_limited"
    | "agent_inactive"
    | "conflict"
    | "idempotency_mismatch"
    | "legal_hold"
    | "message_deleted"
    | "no_turn_running"
    | "turn_in_progress"
    | "turn_queue_full"
    | "validation_failed"
    | "store_unavailable";
  detail?: string;
  /** Seconds. */
  retry_after?: number;
  /** How many there may be at a time. */
  limit?: { name: string; quota: number };
  extra?: Record<string, string>;
};

/** How far a D1 database had got, with the name of that database. */
export type Bookmark = { database: string; at: string };

/** `bookmark`: how far D1 had got with what was written, null where that is not known; left out where nothing was. */
export type Outcome<T> = { ok: true; value: T; bookmark?: Bookmark | null } | { ok: false; error: Refusal };

export const ok = <T>(value: T): Outcome<T> => ({ ok: true, value });
export const refuse = (code: Refusal["code"], rest: Omit<Refusal, "code"> = {}): { ok: false; error: Refusal } => ({
  ok: false,
  error: { code, ...rest },
});

/** A budget is used up until `resets_at` (ms). */
export const exhausted = (resets_at: number, now: number, extra: Record<string, string> = {}) =>
  refuse("budget_exhausted", {
    detail: "The budget for this is used up.",
    retry_after: Math.max(1, Math.ceil((resets_at - now) / 1000)),
    extra: { ...extra, resets_at: new Date(resets_at).toISOString() },
  });

/** The change is made; D1 and with it the lists will follow. A repeat finds it made. */
export const storeUnavailable = () =>
  refuse("store_unavailable", { detail: "The store is slow to answer. Send the same request again.", retry_after: 5 });
