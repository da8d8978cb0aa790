/** Whether this service works. It needs no credential and reveals no data. */
import * as z from "zod";
import { ping } from "../db/company.ts";
import { type Api } from "../http/api.ts";
import { json } from "../http/operation.ts";
import { timestamp, toTimestamp } from "../http/fields.ts";
import { lazy } from "../lazy.ts";

const healthQuery = lazy(() =>
  z.object({
    probe: z.enum(["ready", "live"]).default("ready").meta({
      description: "`ready` asks the database too; `live` only says that the Worker runs.",
    }),
  }),
);

const healthSchema = lazy(() =>
  z.object({ status: z.literal("ok"), probe: z.enum(["ready", "live"]), time: timestamp() }).meta({ id: "Health" }),
);

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
      responses: () => ({ 200: json("It does.", healthSchema()) }),
    },
    async ({ c, db, query: { probe } }) => {
      if (probe === "ready") await ping(db);
      return c.json({ status: "ok", probe, time: toTimestamp(Date.now()) });
    },
  );
}
