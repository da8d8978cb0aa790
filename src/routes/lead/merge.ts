/**
 * Merges an anonymous visitor into one whom the company's backend identified: the conversations move to the identified lead.
 * It takes the tokens of both, so that nobody can get at the history of somebody else by a claim.
 */
import * as z from "zod";
import { verifyToken } from "../../auth/token.ts";
import { findAnyLead, findLead, mergeLead } from "../../db/lead.ts";
import { noteEnded } from "../../http/ended.ts";
import { type Api } from "../../http/api.ts";
import { json } from "../../http/operation.ts";
import { invalid, notFound, Problem } from "../../problem/problem.ts";
import { leadSchema, leadView } from "./schema.ts";
import { ask, forEachConversation } from "../conversation/object.ts";
import { lazy } from "../../lazy.ts";

const mergeBody = lazy(() =>
  z
    .strictObject({ anonymous_token: z.string().meta({ description: "The access token that registering gave." }) })
    .meta({ id: "LeadMerge" }),
);

const response = lazy(() =>
  z
    .object({ lead: leadSchema(), moved: z.int().meta({ description: "Conversations that changed hands just now." }) })
    .meta({ id: "MergedLead" }),
);

export function leadMergeRoute(api: Api, base: string): void {
  api.route(
    {
      method: "post",
      path: `${base}/merge`,
      tag: "Leads",
      audience: "leads",
      scope: "write",
      limit: "lead",
      summary: "Join an anonymous visitor's conversations to an identified one",
      description:
        "The Bearer token is that of a visitor whom `POST /auth/token` vouched for. Conversations of the anonymous visitor become the identified one's, details that are missing are filled in, and the anonymous lead is gone. Repeating it changes nothing.",
      body: mergeBody,
      problems: ["legal_hold", "store_unavailable"],
      responses: () => ({ 200: json("The identified lead.", response()) }),
    },
    async ({ c, db, caller, audit, body }) => {
      const { company_id } = caller;
      const into = await findLead(db, company_id, caller.entity_id);
      if (!into) throw notFound();
      if (into.external_id === null) {
        throw new Problem("forbidden", "This needs the token of a visitor whom the company's backend vouched for.");
      }
      const token = body.anonymous_token;
      const checked = await verifyToken(c.get("config"), token, "access");
      const claims = checked.ok && checked.value.entity_type === "lead" ? checked.value : null;
      const from = claims?.company_id === company_id ? await findAnyLead(db, company_id, claims.entity_id) : undefined;
      // Whom staff deleted stays so; whom a merge erased may be named again.
      const isGone = from && from.deleted_at !== null && from.erased_at === null;
      const isEnded = from && (claims?.issued_at ?? 0) <= (from.tokens_ended_at ?? -1);
      if (!from || from.external_id !== null || isGone || isEnded) {
        throw invalid({ path: "/anonymous_token", message: "is not a good token of an anonymous visitor" });
      }
      // Merging clears the anonymous visitor's row for good.
      if (from.hold) throw new Problem("legal_hold");
      await noteEnded(c, company_id, `lead:${from.id}`);
      const former = { entity_type: "lead", entity_id: from.id } as const;
      const moved = await forEachConversation(db, company_id, from.id, (id) =>
        ask(c, caller, id, (object) => object.reassign(caller, former)),
      );
      const lead = await mergeLead(db, from, into, audit("lead.merge", "lead", from.id, { into: into.id }));
      if (!lead) throw notFound();
      return c.json({ lead: leadView(lead, caller), moved });
    },
  );
}
