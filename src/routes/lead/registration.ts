/**
 * How a visitor of a website gets a token. Registration always creates a new lead: otherwise anyone could open the history of
 * somebody else by naming their e-mail address. It needs no credential, but the page's origin must be one of the agent's.
 */
import * as z from "zod";
import { uuidv7 } from "uuidv7";
import { LEAD_ACCESS_TTL, LEAD_REFRESH_TTL, mintToken, verifyToken } from "../../auth/token.ts";
import { systemAuditRow } from "../../chat/audit.ts";
import { noteEnded } from "../../http/ended.ts";
import { admitted, refused } from "../../http/refused.ts";
import { admitWebsite, originRefused } from "../../http/website.ts";
import type { Config } from "../../config.ts";
import { findPublicAgent } from "../../db/agent.ts";
import { createConversation } from "../../db/conversation.ts";
import { wakeDispatcher } from "../../db/webhook.ts";
import { endTokens, insertLead, type LeadRow, rotateRefresh } from "../../db/lead.ts";
import { type Api } from "../../http/api.ts";
import { json } from "../../http/operation.ts";
import { requestDatabase } from "../../http/database.ts";
import { linkTo } from "../../http/context.ts";
import { isId } from "../../http/fields.ts";
import { originAllowed } from "../../net/origin.ts";
import { invalid, notFound, Problem } from "../../problem/problem.ts";
import { auditRow } from "../../chat/audit.ts";
import { contextLengthOf } from "../../chat/agent.ts";
import { conversationView } from "../../chat/conversation.ts";
import { leadColumns, leadFields, leadSchema, leadView } from "./schema.ts";
import { ownerGone } from "../conversation/conversation.ts";
import { conversationSchema } from "../conversation/schema.ts";
import { lazy } from "../../lazy.ts";

const registerBody = lazy(() =>
  z.strictObject({ agent_id: z.string().meta({ format: "uuid" }), ...leadFields() }).meta({ id: "LeadRegistration" }),
);

const refreshBody = lazy(() => z.strictObject({ refresh_token: z.string() }).meta({ id: "LeadRefresh" }));

const tokens = lazy(() => ({
  access_token: z.string(),
  token_type: z.literal("Bearer"),
  refresh_token: z.string(),
  expires_in: z.int().meta({ description: "Seconds that the access token is good for." }),
}));

const registration = lazy(() =>
  z.object({ lead: leadSchema(), ...tokens(), conversation: conversationSchema() }).meta({ id: "RegisteredLead" }),
);

/** Registration and refresh under `base` (`/lead`, and its alias). */
export function leadRegistrationRoutes(api: Api, base: string): void {
  const common = { tag: "Leads", audience: "public", scope: "write", method: "post", limit: "ip" } as const;

  api.route(
    {
      ...common,
      path: `${base}/register`,
      summary: "Register a visitor",
      description:
        "Always makes a new lead, with a token and a first conversation. The `Origin` must be one of the agent's allowed_origins. A request without `Origin` comes from no web page and is refused, except when running locally, where loopback pages are also let in while the list is empty.",
      body: registerBody,
      responses: () => ({ 201: json("The lead, its tokens, and a conversation to begin with.", registration()) }),
      problems: ["origin_not_allowed", "not_found", "agent_inactive"],
    },
    async ({ c, body }) => {
      const { agent_id, ...details } = body;
      const agent = isId(agent_id) ? await findPublicAgent(c.env, agent_id) : undefined;
      if (!agent) throw notFound();
      const origin = c.req.header("origin");
      if (!originAllowed(origin, agent.allowed_origins, c.get("config").local)) throw originRefused();
      if (agent.status !== "active") throw new Problem("agent_inactive");
      if (agent.lead_form === "required") {
        const missing = (["first_name", "email"] as const).filter((name) => !details[name]?.trim());
        if (missing.length > 0)
          throw invalid(...missing.map((name) => ({ path: `/${name}`, message: "is needed here" })));
      }
      const now = Date.now();
      const { company_id } = agent;
      const db = await requestDatabase(c, company_id);
      const fresh = { id: uuidv7(), company_id, agent_id, created_at: now, updated_at: now };
      const owner = { company_id, entity_type: "lead", entity_id: fresh.id } as const;
      const entry = { action: "lead.register", target_type: "lead", target_id: fresh.id, details: { agent_id } };
      const record = auditRow({ ...owner, api_key_id: null, request_id: c.get("request_id") }, entry, now);
      const lead = await insertLead(db, { ...leadColumns(details, now), ...fresh }, record);
      const made = await createConversation(
        db,
        { ...owner, agent_id, max_context_length: contextLengthOf(agent.settings) },
        now,
      );
      if (!made) throw ownerGone();
      c.executionCtx.waitUntil(wakeDispatcher(c.env, company_id));
      const answer = {
        lead: leadView(lead, owner),
        ...(await mintTokens(c.get("config"), lead, origin, uuidv7())),
        conversation: conversationView(made.row, owner),
      };
      return c.json(answer, 201, { location: linkTo(c, `/lead/${lead.id}`) });
    },
  );

  api.route(
    {
      ...common,
      path: `${base}/refresh`,
      summary: "Refresh a visitor's token",
      description:
        "A refresh token is good once: the answer has the next one. A client that lost the answer may send the same one again within a minute. One that is used later ends every token of the lead. Refused once the lead has been deleted or erased.",
      body: refreshBody,
      responses: () => ({ 200: json("New tokens.", z.object(tokens())) }),
      problems: ["unauthorized", "origin_not_allowed", "store_unavailable"],
    },
    async ({ c, body }) => {
      const config = c.get("config");
      const claims = admitted(c, await verifyToken(config, body.refresh_token, "refresh"), VAGUE);
      const { company_id, entity_id, agent_id = null, website = null } = claims;
      await admitWebsite(c, { kind: "lead", company_id, agent_id, website });
      const db = await requestDatabase(c, company_id);
      const now = Date.now();
      const refresh = await rotateRefresh(db, company_id, entity_id, claims, uuidv7(), now);
      if (!refresh) throw refused(c, { reason: "tokens_ended" }, VAGUE);
      if ("reused" in refresh) {
        await noteEnded(c, company_id, `lead:${entity_id}`);
        const entry = { action: "lead.end_tokens", target_type: "lead", target_id: entity_id };
        await endTokens(db, refresh.reused, systemAuditRow(company_id, "refresh-token-reuse", entry, now));
        throw refused(c, { reason: "refresh_reused" }, VAGUE);
      }
      return c.json(await mintTokens(config, refresh.lead, website ?? undefined, refresh.refresh_id));
    },
  );
}

const VAGUE = "The refresh token is not good.";

/** `website`: the origin that the lead registered on; its tokens stay with the agents of that website. */
async function mintTokens(
  config: Config,
  { id, company_id, agent_id }: LeadRow,
  website: string | undefined,
  refresh_id: string,
) {
  const claims = {
    company_id,
    entity_type: "lead",
    entity_id: id,
    role: "member",
    ...(agent_id ? { agent_id } : {}),
    ...(website === undefined ? {} : { website }),
  } as const;
  const [access_token, refresh_token] = await Promise.all([
    mintToken(config, claims, "access", LEAD_ACCESS_TTL),
    mintToken(config, claims, "refresh", LEAD_REFRESH_TTL, refresh_id),
  ]);
  return { access_token, token_type: "Bearer" as const, refresh_token, expires_in: LEAD_ACCESS_TTL };
}
