/** Legal hold: nothing of a conversation, or of a visitor, that is held goes for good, whoever asks and whatever is due. */
import * as z from "zod";
import { findAnyLead, holdLead } from "../db/lead.ts";
import { type Api } from "../http/api.ts";
import { pathId } from "../http/fields.ts";
import { json } from "../http/operation.ts";
import { notFound } from "../problem/problem.ts";
import { ask, jsonText } from "./conversation/object.ts";
import { conversationSchema } from "./conversation/schema.ts";
import { holdBody } from "./hold-schema.ts";
import { leadSchema, leadView } from "./lead/schema.ts";

const description =
  "Erasing and purging answer 409 `legal_hold`, and retention passes over it. Deleted ones can be held too. Repeating it changes nothing; another reason takes the place of the former.";

const released = "It can be erased and purged again, and retention counts. Repeating it changes nothing.";

export function holdRoutes(api: Api): void {
  const common = { tag: "Holds", audience: "staff", scope: "admin", params: pathId() } as const;
  const conversation = {
    ...common,
    path: "/conversation/{id}/hold",
    store: "none",
    problems: ["store_unavailable"],
    responses: () => ({ 200: json("The conversation.", z.object({ conversation: conversationSchema() })) }),
  } as const;

  api.route(
    { ...conversation, method: "put", summary: "Hold a conversation", description, body: holdBody },
    async ({ c, caller, params, body }) =>
      jsonText(c, await ask(c, caller, params.id, (object) => object.hold(caller, body.reason))),
  );
  api.route(
    { ...conversation, method: "delete", summary: "Release a conversation", description: released },
    async ({ c, caller, params }) =>
      jsonText(c, await ask(c, caller, params.id, (object) => object.hold(caller, null))),
  );

  for (const base of ["/lead", "/sdk/lead"]) {
    const lead = {
      ...common,
      path: `${base}/{id}/hold`,
      responses: () => ({ 200: json("The lead.", z.object({ lead: leadSchema() })) }),
    } as const;

    api.route(
      { ...lead, method: "put", summary: "Hold a lead", description, body: holdBody },
      async ({ c, db, caller, audit, params: { id }, body: { reason } }) => {
        const before = await findAnyLead(db, caller.company_id, id);
        if (!before || before.erased_at !== null) throw notFound();
        if (before.hold?.reason === reason) return c.json({ lead: leadView(before, caller) });
        const hold = { reason, since: before.hold?.since ?? Date.now(), by: caller.entity_id };
        const row = await holdLead(db, caller.company_id, id, hold, audit("lead.hold", "lead", id));
        if (!row) throw notFound();
        return c.json({ lead: leadView(row, caller) });
      },
    );
    api.route(
      { ...lead, method: "delete", summary: "Release a lead", description: released },
      async ({ c, db, caller, audit, params: { id } }) => {
        const before = await findAnyLead(db, caller.company_id, id);
        if (!before || before.erased_at !== null) throw notFound();
        if (!before.hold) return c.json({ lead: leadView(before, caller) });
        const row = await holdLead(db, caller.company_id, id, null, audit("lead.release", "lead", id));
        if (!row) throw notFound();
        return c.json({ lead: leadView(row, caller) });
      },
    );
  }
}
