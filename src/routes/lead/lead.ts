/** Leads, for staff: list, get, change, delete and erase. Every route also exists under /sdk/lead, for clients of that path. */
import * as z from "zod";
import { type Caller, hasScope } from "../../auth/principal.ts";
import type { AuditRow } from "../../chat/audit.ts";
import { newErasure } from "../../compliance/erasure.ts";
import type { Database } from "../../db/database.ts";
import { beginErasure, hasBegun } from "../../db/erasure.ts";
import * as store from "../../db/lead.ts";
import { noteEnded } from "../../http/ended.ts";
import { type Api } from "../../http/api.ts";
import { json } from "../../http/operation.ts";
import type { AppContext } from "../../http/context.ts";
import { idFilter, instant, pathId, text } from "../../http/fields.ts";
import { pageOf, pageQuery, respondWithPage } from "../../http/pagination.ts";
import { notFound, Problem } from "../../problem/problem.ts";
import { leadMergeRoute } from "./merge.ts";
import { leadRegistrationRoutes } from "./registration.ts";
import { leadColumns, leadFields, leadSchema, leadView } from "./schema.ts";
import { answerErasure, erasureResponses } from "../erasure.ts";
import { answerExport, exportRoute } from "../person-export.ts";
import { lazy } from "../../lazy.ts";

const response = lazy(() => z.object({ lead: leadSchema() }));
const updateBody = lazy(() => z.strictObject(leadFields()).meta({ id: "LeadChanges" }));
const deleteQuery = lazy(() =>
  z.strictObject({
    erase: z.enum(["true", "false"]).default("false").meta({ description: "`true` erases the person (admin)." }),
  }),
);
const listQuery = lazy(() =>
  pageQuery().extend({
    agent_id: idFilter().optional(),
    search: text(200, 1).optional().meta({ description: "Part of a name or of the e-mail address, any case." }),
    created_after: instant().optional(),
    created_before: instant().optional(),
  }),
);

export function leadRoutes(api: Api): void {
  for (const base of ["/lead", "/sdk/lead"]) {
    leadRegistrationRoutes(api, base);
    leadMergeRoute(api, base);
    staffRoutes(api, base);
  }
}

function staffRoutes(api: Api, base: string): void {
  const common = { tag: "Leads", audience: "staff" } as const;

  api.route(
    {
      ...common,
      method: "get",
      path: `${base}/company`,
      scope: "read",
      summary: "List leads",
      description: "Live leads of the company, newest first.",
      query: listQuery,
      responses: () => ({ 200: json("A page of leads.", pageOf("leads", leadSchema())) }),
    },
    async ({ c, db, caller, query }) => {
      const { page: _page, per_page: _perPage, cursor: _cursor, ...filter } = query;
      return respondWithPage({
        c,
        caller,
        name: "leads",
        query,
        filter,
        read: (slice) => store.listLeads(db, caller.company_id, filter, slice),
        key: (row) => [row.id],
        view: (row) => leadView(row, caller),
      });
    },
  );

  api.route(
    {
      ...common,
      method: "get",
      path: `${base}/{id}`,
      scope: "read",
      summary: "Look at a lead",
      description: "A live one. A lead that was deleted or erased is not found.",
      params: pathId(),
      responses: () => ({ 200: json("The lead.", response()) }),
    },
    async ({ c, db, caller, params }) => {
      const lead = await store.findLead(db, caller.company_id, params.id);
      if (!lead) throw notFound();
      return c.json({ lead: leadView(lead, caller) });
    },
  );

  api.route(
    {
      ...common,
      method: "put",
      path: `${base}/{id}`,
      scope: "write",
      summary: "Correct a lead",
      description: "Changes the members that are given; null clears one. What is left out stays as it is.",
      params: pathId(),
      body: updateBody,
      responses: () => ({ 200: json("The lead as it is now.", response()) }),
    },
    async ({ c, db, caller, audit, params, body }) => {
      const { company_id } = caller;
      const before = await store.findLead(db, company_id, params.id);
      if (!before) throw notFound();
      const columns = leadColumns(body, Date.now(), before);
      const changed = Object.keys(columns).filter(
        (name) => columns[name as keyof typeof columns] !== before[name as keyof typeof before],
      );
      if (changed.length === 0) return c.json({ lead: leadView(before, caller) });
      const lead = await store.updateLead(
        db,
        company_id,
        before.id,
        columns,
        audit("lead.update", "lead", before.id, { changed }),
      );
      if (!lead) throw notFound();
      return c.json({ lead: leadView(lead, caller) });
    },
  );

  api.route(
    { ...common, ...exportRoute, path: `${base}/{id}/export`, summary: "Export a lead's data", params: pathId() },
    async ({ c, db, caller, params: { id } }) => {
      const row = await store.findAnyLead(db, caller.company_id, id);
      if (!row || row.erased_at !== null) throw notFound();
      return answerExport(c, db, caller, { entity_type: "lead", entity_id: id }, leadView(row, caller));
    },
  );

  api.route(
    {
      ...common,
      method: "delete",
      path: `${base}/{id}`,
      scope: "write",
      summary: "Delete or erase a lead",
      description:
        "A delete hides the lead and ends its tokens; its conversations stay. With `erase=true` (admin) the person is erased: personal fields and the content of every conversation are gone for good, counts and audit stay; what cannot be done within the request goes on by itself. Repeating a delete answers the same, repeating an erasure goes on with it, or looks again.",
      params: pathId(),
      query: deleteQuery,
      responses: () => erasureResponses({ lead: leadSchema() }),
      problems: ["legal_hold", "store_unavailable"],
    },
    async ({ c, db, principal, caller, audit, params: { id }, query }) => {
      const erase = query.erase === "true";
      if (erase && !hasScope(principal, "admin")) throw new Problem("forbidden", 'Erasing needs the scope "admin".');
      const before = await store.findAnyLead(db, caller.company_id, id);
      if (!before) throw notFound();
      await noteEnded(c, caller.company_id, `lead:${id}`);
      if (erase) return eraseLead(c, db, caller, before, audit("lead.erase", "lead", id));
      const lead = await store.deleteLead(db, caller.company_id, id, audit("lead.delete", "lead", id));
      if (!lead) throw notFound();
      return c.json({ lead: leadView(lead, caller) });
    },
  );
}

/** The person is marked and their row cleared first; the conversations follow. */
async function eraseLead(c: AppContext, db: Database, caller: Caller, lead: store.LeadRow, audit: AuditRow) {
  const { company_id, id } = lead;
  const row = await newErasure(company_id, "lead", id, caller.entity_id);
  const marks = store.markErasedLead(db, lead, hasBegun(row.id), audit);
  const begun = await beginErasure(db, row, [...marks]);
  return answerErasure(c, db, caller, begun, async () => ({
    lead: leadView((await store.findAnyLead(db, company_id, id)) ?? lead, caller),
  }));
}
