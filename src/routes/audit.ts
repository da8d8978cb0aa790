/** The audit trail, for admins: who changed what, when, in which request. Nothing here can change it. */
import * as z from "zod";
import { type AuditEvent, listAudit } from "../db/audit.ts";
import { CONTROL, controlDatabase, type Database, homeOf } from "../db/database.ts";
import { type Api } from "../http/api.ts";
import { json } from "../http/operation.ts";
import type { AppContext } from "../http/context.ts";
import { id, instant, text, timestamp, toTimestamp } from "../http/fields.ts";
import { pageOf, pageQuery, respondWithPage } from "../http/pagination.ts";
import { lazy } from "../lazy.ts";

const eventSchema = lazy(() =>
  z
    .object({
      id: id(),
      company_id: id(),
      created_at: timestamp(),
      actor_type: z.enum(["user", "lead", "system"]),
      actor_id: z.string(),
      api_key_id: id().nullable().meta({ description: "The API key that was used, if one was." }),
      action: z.string().meta({ example: "agent.delete" }),
      target_type: z.string().meta({ example: "agent" }),
      target_id: z.string(),
      request_id: z.string().nullable(),
      details: z.record(z.string(), z.unknown()),
    })
    .meta({ id: "AuditEvent" }),
);

const listQuery = lazy(() =>
  pageQuery().extend({
    action: text(100, 1).optional(),
    target_type: text(100, 1).optional(),
    target_id: text(100, 1).optional(),
    actor_id: text(100, 1).optional(),
    created_after: instant().optional(),
    created_before: instant().optional(),
  }),
);

export function auditRoutes(api: Api): void {
  api.route(
    {
      method: "get",
      path: "/audit",
      summary: "List audit events",
      description: "Newest first. Events name what was changed and by whom, never what it said.",
      tag: "Audit",
      audience: "staff",
      scope: "admin",
      query: listQuery,
      responses: () => ({ 200: json("A page of events.", pageOf("audit_events", eventSchema())) }),
    },
    async ({ c, db, caller, query }) => {
      const databases = await auditDatabases(c, db, caller.company_id);
      const { page: _page, per_page: _perPage, cursor: _cursor, ...filter } = query;
      return respondWithPage({
        c,
        caller,
        name: "audit_events",
        query,
        filter,
        read: (slice) => listAudit(databases, caller.company_id, filter, slice),
        key: (row) => [row.id],
        view: eventView,
      });
    },
  );
}

/** Where a company's changes are audited: beside its rows, and for keys and issuers in the control database. */
async function auditDatabases(c: AppContext, own: Database, company_id: string): Promise<Database[]> {
  const { name } = await homeOf(c.env, company_id);
  return name === CONTROL ? [own] : [own, controlDatabase(c.env)];
}

const eventView = ({ at, ...row }: AuditEvent) => ({ ...row, created_at: toTimestamp(at) });
