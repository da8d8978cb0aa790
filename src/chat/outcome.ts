/** What chat/ answers where the caller must decide: plain data, because error classes do not survive RPC. */
import type { TurnErrorCode } from "./turn.ts";

export type Refusal = {
  code:
    | TurnErrorCode
    | "not_found"
    | "agent_inactive"
    | "idempotency_mismatch"
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

/** D1 did not take what the journal holds; the alarm will see to it, and a retry will find it. */
export const storeUnavailable = (extra: Record<string, string> = {}) =>
  refuse("store_unavailable", {
    detail: "What you sent is safe, but cannot be read back yet. Send the same request again.",
    retry_after: 5,
    extra,
  });
