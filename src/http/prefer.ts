/** What a client prefers where either is right (RFC 7240). */
import * as z from "zod";
import { lazy } from "../lazy.ts";
import { idempotencyHeader } from "./idempotency.ts";
import type { AppContext } from "./context.ts";

export const turnHeaders = lazy(() =>
  idempotencyHeader().extend({
    prefer: z.string().optional().meta({
      description: "`respond-async` (RFC 7240): the response is 202 at once, and the turn goes on by itself.",
      example: "respond-async",
    }),
  }),
);

/** The preference without a value, or with an empty one, which is the same (RFC 7240, section 2). */
const RESPOND_ASYNC = /^respond-async *=?$/;

/** Whether `Prefer: respond-async` was sent, beside whatever else. */
export const prefersAsync = (c: AppContext): boolean =>
  unquoted(c.req.header("prefer") ?? "")
    .split(",")
    .some((preference) => RESPOND_ASYNC.test((preference.split(";")[0] ?? "").trim().toLowerCase()));

/** A header with `x` in place of every quoted string that is not empty, whatever that contains. */
const unquoted = (header: string): string =>
  header
    .replaceAll(/\\./g, "x")
    .split('"')
    .map((part, at) => (at % 2 === 1 && part !== "" ? "x" : part))
    .join("");
