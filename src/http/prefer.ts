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

/** UTF-16 code units that are looked at. */
const MAX_LENGTH = 1000;
const QUOTED = /"(?:[^"\\]|\\.)*"/g;
/** The preference without a value, or with an empty one, which is the same (RFC 7240, section 2). */
const RESPOND_ASYNC = /^respond-async\s*(=\s*(""\s*)?)?$/;

/** Whether `Prefer: respond-async` was sent, beside whatever else. */
export const prefersAsync = (c: AppContext): boolean =>
  (c.req.header("prefer") ?? "")
    .slice(0, MAX_LENGTH)
    .replaceAll(QUOTED, (quoted) => (quoted === '""' ? quoted : '"x"'))
    .split(",")
    .some((preference) => RESPOND_ASYNC.test((preference.split(";")[0] ?? "").trim().toLowerCase()));
