/** Leads, for staff: look, correct, delete, erase. Everything is also under /sdk/lead, for clients made for that. */
import * as z from "zod";
import { hasScope, type Principal } from "../auth/principal.ts";
import { auditRow } from "../chat/audit.ts";
import type { Database } from "../db/database.ts";
import * as store from "../db/lead.ts";
import { type Api } from "../http/api.ts";
import { json } from "../http/operation.ts";
import { requestDatabase } from "../http/bookmark.ts";
import { type AppContext, callerOf } from "../http/context.ts";
import { instant, isId, pathId, text } from "../http/fields.ts";
import { pageOf, pageQuery, respondWithPage } from "../http/pagination.ts";
import { notFound, Problem, unwrap } from "../problem/problem.ts";
import { leadMergeRoute } from "./lead-merge.ts";
import { leadRegistrationRoutes } from "./lead-registration.ts";
import { leadColumns, leadFields, leadSchema, leadView } from "./lead-schema.ts";
import { conversationObject, forEachConversation } from "./object.ts";
import { lazy } from "../lazy.ts";

const wrapped = lazy(() => z.object({ lead: leadSchema() }));
const updateBody = lazy(() => z.strictObject(leadFields()).meta({ id: "LeadChanges" }));
const deleteQuery = lazy(() =>
  z.object({
    erase: z.enum(["true", "false"]).default("false").meta({ description: "`true` erases the person (admin)." }),
  }),
);
const listQuery = lazy(() =>
  pageQuery().extend({
    agent_id: z.string().optional(),
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
    async ({ c, principal, query }) => {
      const db = await requestDatabase(c, principal.company_id);
      const { page: _page, per_page: _perPage, cursor: _cursor, ...filter } = query;
      return respondWithPage({
        c,
        principal,
        name: "leads",
        query,
        filter,
        read: (slice) => store.listLeads(db, principal.company_id, filter, slice),
        key: (row) => [row.id],
        view: leadView,
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
      params: pathId(),
      responses: () => ({ 200: json("The lead.", wrapped()) }),
    },
    async ({ c, principal, params }) => {
      const { lead } = await find(c, principal, params.id, store.findLead);
      return c.json({ lead: leadView(lead) });
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
      responses: () => ({ 200: json("The lead as it is now.", wrapped()) }),
    },
    async ({ c, principal, params, body }) => {
      const { lead: before, db } = await find(c, principal, params.id, store.findLead);
      const now = Date.now();
      const columns = leadColumns(body, now, before);
      const changed = Object.keys(columns).filter(
        (name) => columns[name as keyof typeof columns] !== before[name as keyof typeof before],
      );
      if (changed.length === 0) return c.json({ lead: leadView(before) });
      const record = audit(c, principal, "lead.update", before.id, now, { changed });
      const lead = await store.updateLead(db, principal.company_id, before.id, columns, record);
      if (!lead) throw notFound();
      return c.json({ lead: leadView(lead) });
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
        "A delete hides the lead and ends its refresh token; its conversations stay. With `erase=true` (admin) the person is erased: personal fields and the content of every conversation are gone for good, counts and audit stay. Repeating either answers the same.",
      params: pathId(),
      query: deleteQuery,
      responses: () => ({ 200: json("The lead as it is now.", wrapped()) }),
    },
    async ({ c, principal, params, query }) => {
      const erase = query.erase === "true";
      if (erase && !hasScope(principal, "admin")) throw new Problem("forbidden", 'Erasing needs the scope "admin".');
      const { lead: before, db } = await find(c, principal, params.id, store.findAnyLead);
      const lead = erase ? await eraseLead(c, principal, db, before) : await deleteLead(c, principal, db, before);
      return c.json({ lead: leadView(lead) });
    },
  );
}

async function deleteLead(c: AppContext, principal: Principal, db: Database, { id }: store.LeadRow) {
  const lead = await store.deleteLead(db, principal.company_id, id, audit(c, principal, "lead.delete", id, Date.now()));
  if (!lead) throw notFound();
  return lead;
}

/**
 * First every conversation, each through its own object, and the lead itself last: an erasure that breaks off half way
 * does not look like a finished one, and the next attempt goes through with it.
 */
async function eraseLead(
  c: AppContext,
  principal: Principal,
  db: Database,
  lead: store.LeadRow,
): Promise<store.LeadRow> {
  if (lead.erased_at !== null) return lead;
  const caller = callerOf(principal, c);
  await forEachConversation(db, principal.company_id, lead.id, async (id) => {
    unwrap(await conversationObject(c, id).erase(caller, id));
  });
  return store.eraseLead(db, lead, audit(c, principal, "lead.erase", lead.id, Date.now()));
}

/** The lead and its company's database; 404 for whatever `look` does not find there. */
async function find(c: AppContext, principal: Principal, id: string, look: typeof store.findLead) {
  if (!isId(id)) throw notFound();
  const db = await requestDatabase(c, principal.company_id);
  const lead = await look(db, principal.company_id, id);
  if (!lead) throw notFound();
  return { lead, db };
}

const audit = (
  c: AppContext,
  principal: Principal,
  action: string,
  id: string,
  now: number,
  details: { changed: string[] } | Record<string, never> = {},
) => auditRow(callerOf(principal, c), { action, target_type: "lead", target_id: id, details }, now);
