/** Whether this service works. It needs no credential and reveals no data; an admin is told how far D1 is behind. */
import * as z from "zod";
import { hasScope } from "../auth/principal.ts";
import { within } from "../chat/within.ts";
import { ping } from "../db/company.ts";
import { type Api } from "../http/api.ts";
import { authenticate } from "../http/authenticate.ts";
import type { AppContext } from "../http/context.ts";
import { json } from "../http/operation.ts";
import { timestamp, toTimestamp, toTimestampOrNull, orNull } from "../http/fields.ts";
import { lazy } from "../lazy.ts";

const healthQuery = lazy(() =>
  z.object({
    probe: z.enum(["ready", "live"]).default("ready").meta({
      description: "`ready` asks the database too; `live` only says that the Worker runs.",
    }),
  }),
);

const outboxSchema = lazy(() =>
  z
    .object({
      conversations: z
        .int()
        .meta({ description: "Conversations of your company that the database lacks something of." }),
      oldest_at: timestamp().nullable().meta({ description: "When the oldest of that was written." }),
      age_seconds: z.number().nullable(),
    })
    .meta({ id: "HealthOutbox" }),
);

const healthSchema = lazy(() =>
  z
    .object({
      status: z.literal("ok"),
      probe: z.enum(["ready", "live"]),
      time: timestamp(),
      outbox: orNull(outboxSchema()).optional().meta({
        description:
          "For admins: what conversations hold that the database would not take yet. Null when that is not known. While the database is away, ask with `probe=live`.",
      }),
    })
    .meta({ id: "Health" }),
);

/** Milliseconds that the answer waits for what only an admin is told. */
const PATIENCE = 1_000;

export function healthRoutes(api: Api): void {
  api.route(
    {
      method: "get",
      path: "/health",
      summary: "Whether the service works",
      tag: "Service",
      audience: "public",
      scope: "read",
      query: healthQuery,
      store: "control",
      problems: ["store_unavailable"],
      description:
        "For load balancers and monitors; 503 says that the database cannot be reached. Needs no credential. An admin's is told how far the database is behind its conversations, as `outbox`.",
      responses: () => ({ 200: json("It does.", healthSchema()) }),
    },
    async ({ c, db, query: { probe } }) => {
      if (probe === "ready") await ping(db);
      return c.json({ status: "ok", probe, time: toTimestamp(Date.now()), ...(await outboxOf(c)) });
    },
  );
}

/** Nothing for anybody but an admin: whether this service works does not hang on who asks. */
async function outboxOf(c: AppContext): Promise<{ outbox?: object | null }> {
  const principal = await authenticate(c).catch(() => null);
  if (!principal || !hasScope(principal, "admin")) return {};
  try {
    const { conversations, since } = await within(c.env.STANDBY.getByName(principal.company_id).lag(), PATIENCE);
    const age_seconds = since === null ? null : (Date.now() - since) / 1000;
    return { outbox: { conversations, oldest_at: toTimestampOrNull(since), age_seconds } };
  } catch {
    return { outbox: null };
  }
}
