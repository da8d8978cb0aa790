/** Erasures: how far each is, and the receipts of those that are done. What begins one is with the thing that it erases. */
import * as z from "zod";
import type { Caller } from "../auth/principal.ts";
import { Budget } from "../compliance/budget.ts";
import { erasureView, goOn } from "../compliance/erasure.ts";
import { causeOf, type Database } from "../db/database.ts";
import { type ErasureRow, findErasure, listErasures } from "../db/erasure.ts";
import { type Api } from "../http/api.ts";
import { type AppContext, linkTo } from "../http/context.ts";
import { cursorPageOf, cursorQuery, respondWithCursor } from "../http/cursor-page.ts";
import { id, pathId, timestamp } from "../http/fields.ts";
import { json } from "../http/operation.ts";
import { notFound, Problem } from "../problem/problem.ts";
import { lazy } from "../lazy.ts";

const erasureSchema = lazy(() =>
  z
    .object({
      id: id(),
      kind: z.enum(["lead", "user", "conversation"]),
      status: z.enum(["running", "done"]),
      subject_hash: z.string().meta({
        description:
          "`<salt>.<hash>`: the hash is SHA-256 (base64url) of `<salt>:<kind>:<id>`, so that whoever knows the id can tell that this is about it.",
      }),
      requested_by: z.string(),
      began_at: timestamp(),
      done_at: timestamp().nullable(),
      recoverable_until: timestamp().nullable().meta({
        description:
          "Until then the platform's operator can restore a database to a moment before the erasure (point-in-time recovery, at most 30 days); nothing here can read it.",
      }),
      stores: z
        .array(z.object({ store: z.string().meta({ example: "message" }), rows: z.int() }))
        .meta({ description: "Where there was something, and how many rows." }),
      receipt: z.string().nullable().meta({
        description:
          "Compact JWS (EdDSA) over the other members, by a key of `/.well-known/jwks.json`; null while it runs.",
      }),
    })
    .meta({ id: "Erasure" }),
);

/** The answers of a request that erases. `more` are the members beside `erasure` once it is done. */
export const erasureResponses = (more: z.ZodRawShape) => ({
  202: json("It goes on; `Location` says where to look.", z.object({ erasure: erasureSchema() })),
  200: json("As it is now.", z.object({ ...more, erasure: erasureSchema().optional() })),
});

const view = (row: ErasureRow) => ({ ...erasureView(row), receipt: row.receipt });

export function erasureRoutes(api: Api): void {
  const common = { method: "get", tag: "Erasures", audience: "staff", scope: "admin" } as const;

  api.route(
    {
      ...common,
      path: "/erasure",
      summary: "List erasures",
      description: "Newest first. None of them says whom it was about.",
      query: () => cursorQuery({}),
      responses: () => ({ 200: json("A page of erasures.", cursorPageOf("erasures", erasureSchema())) }),
    },
    async ({ c, db, caller, query }) =>
      respondWithCursor({
        c,
        caller,
        name: "erasures",
        query,
        filter: null,
        read: async (after, limit) => {
          const found = await listErasures(db, caller.company_id, after && String(after[0]), limit + 1);
          const rows = found.slice(0, limit);
          const last = rows.at(-1);
          return { rows, next: found.length > limit && last ? [last.id] : null };
        },
        view,
      }),
  );

  api.route(
    {
      ...common,
      path: "/erasure/{id}",
      summary: "Look at an erasure",
      description:
        "How far it is. Once `status` is `done`, `receipt` proves what went and when, without saying whose it was.",
      params: pathId(),
      responses: () => ({ 200: json("The erasure.", z.object({ erasure: erasureSchema() })) }),
    },
    async ({ c, db, caller, params }) => {
      const row = await findErasure(db, caller.company_id, params.id);
      if (!row) throw notFound();
      return c.json({ erasure: view(row) });
    },
  );
}

/** Calls of one request, of which the platform's smallest plan allows 50 in all; and milliseconds for which it waits. */
const CALLS = 40;
const PATIENCE = 10_000;
/** Calls that follow an answer that could not wait. A plan that allows fewer cuts them off, and the scheduled run goes on. */
const CALLS_AFTERWARDS = 400;

/** Goes on with an erasure: 200 with what `done` says when it ends in time, else 202. Undefined is one that a hold forbids. */
export async function answerErasure(
  c: AppContext,
  db: Database,
  caller: Caller,
  begun: { row: ErasureRow; isNew: boolean } | undefined,
  done: () => Promise<object>,
): Promise<Response> {
  if (!begun) throw new Problem("legal_hold");
  const site = { env: c.env, config: c.get("config"), db };
  const budget = new Budget(CALLS, Date.now() + PATIENCE);
  const row = await goOn(site, caller, begun.row, budget, { unannounced: begun.isNew });
  if (row.status === "done") return c.json({ ...(await done()), erasure: view(row) });
  const rest = goOn(site, caller, row, new Budget(CALLS_AFTERWARDS, Date.now() + PATIENCE));
  c.executionCtx.waitUntil(rest.catch((error: unknown) => console.warn(JSON.stringify(cutOff(row, error)))));
  return c.json({ erasure: view(row) }, 202, { location: linkTo(c, `/erasure/${row.id}`) });
}

const cutOff = ({ id: erasure_id }: ErasureRow, error: unknown) => ({
  event: "erasure_cut_off",
  erasure_id,
  error: causeOf(error),
});
