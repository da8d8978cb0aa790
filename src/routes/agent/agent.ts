/** Agents. Staff sees all of an agent; visitors see what a widget needs. */
import * as z from "zod";
import { uuidv7 } from "uuidv7";
import { WEBSITES } from "../../auth/principal.ts";
import { noteEnded } from "../../http/ended.ts";
import { admitPage, forgetWebsites } from "../../http/website.ts";
import {
  type AgentRow,
  deleteAgent,
  findAgent,
  findPublicAgent,
  insertAgent,
  listAgents,
  restoreAgent,
  updateAgent,
} from "../../db/agent.ts";
import type { Database } from "../../db/database.ts";
import { listProviderNames } from "../../db/model-provider.ts";
import { type Api } from "../../http/api.ts";
import { json } from "../../http/operation.ts";
import { type AppContext, linkTo } from "../../http/context.ts";
import { pathId, text } from "../../http/fields.ts";
import { pageOf, pageQuery, respondWithPage } from "../../http/pagination.ts";
import { invalid, notFound } from "../../problem/problem.ts";
import { modelProblem } from "../../models/catalog.ts";
import { agentBody, agentSchema, agentView, columnsOf, widgetAgentSchema, widgetAgentView } from "./schema.ts";
import { checkHandOver } from "./hand-over.ts";
import { storedTools } from "./tool.ts";
import { lazy } from "../../lazy.ts";

const response = lazy(() => z.object({ agent: agentSchema() }));
const listQuery = lazy(() =>
  pageQuery().extend({
    status: z.enum(["active", "inactive"]).optional(),
    search: text(200, 1).optional().meta({ description: "Part of the name, upper or lower case." }),
  }),
);

export function agentRoutes(api: Api): void {
  const common = { tag: "Agents", scope: "write", audience: "staff" } as const;

  api.route(
    {
      ...common,
      method: "post",
      path: "/agent",
      summary: "Create an agent",
      description:
        "Only `name` is needed. Without a `model` the agent answers from `knowledge`, by search and without a language model. A `model` of a provider needs that provider's key: see `PUT /model-provider/{name}`.",
      body: agentBody,
      responses: () => ({ 201: json("The new agent.", response()) }),
    },
    async ({ c, db, caller: { company_id }, audit, body }) => {
      await checkModel(c, db, company_id, body.model);
      checkHandOver(body.hand_over, body.tools ?? [], true);
      const now = Date.now();
      const id = uuidv7();
      const tools = await storedTools(c.get("config"), { company_id, agent_id: id }, body.tools ?? [], []);
      const row = { ...columnsOf(body, tools), id, company_id, created_at: now, updated_at: now };
      const agent = await insertAgent(db, row, audit("agent.create", "agent", id));
      forgetWebsites();
      return c.json({ agent: agentView(agent) }, 201, { location: linkTo(c, `/agent/${id}`) });
    },
  );

  api.route(
    {
      ...common,
      method: "get",
      path: "/agent",
      scope: "read",
      summary: "List agents",
      description: "Live agents of the company, newest first.",
      query: listQuery,
      responses: () => ({ 200: json("A page of agents.", pageOf("agents", agentSchema())) }),
    },
    async ({ c, db, caller, query }) => {
      const filter = { status: query.status, search: query.search };
      return respondWithPage({
        c,
        caller,
        name: "agents",
        query,
        filter,
        read: (slice) => listAgents(db, caller.company_id, filter, slice),
        key: (row) => [row.id],
        view: agentView,
      });
    },
  );

  api.route(
    {
      ...common,
      method: "get",
      path: "/agent/{id}",
      audience: "anyone",
      scope: "read",
      summary: "Look at an agent",
      description:
        "Users and keys see the whole agent. Visitors, with a lead token or none at all, see what a widget needs.",
      params: pathId(),
      problems: ["origin_not_allowed"],
      responses: () => ({
        200: json("The agent.", z.object({ agent: z.union([agentSchema(), widgetAgentSchema()]) })),
      }),
    },
    async ({ c, db, principal, params }) => {
      const agent = await (principal
        ? findAgent(db, principal.company_id, params.id)
        : findPublicAgent(c.env, params.id));
      if (!agent) throw notFound();
      if (!principal) admitPage(c, agent.allowed_origins);
      const isStaff = principal !== null && principal.kind !== "lead";
      return c.json({ agent: isStaff ? agentView(agent) : widgetAgentView(agent) });
    },
  );

  api.route(
    {
      ...common,
      method: "put",
      path: "/agent/{id}",
      summary: "Replace an agent",
      description:
        "Takes the same body as creating one: a member that is left out returns to its default. Tools are the exception, because their secrets cannot be read: left out they stay as they are, and so does the secret of one whose name and url are the same. New conversations follow it at once, those that are under way within 15 seconds.",
      params: pathId(),
      body: agentBody,
      problems: ["store_unavailable"],
      responses: () => ({ 200: json("The agent as it is now.", response()) }),
    },
    async ({ c, db, caller: { company_id }, audit, params, body }) => {
      const before = await findAgent(db, company_id, params.id);
      if (!before) throw notFound();
      await checkModel(c, db, company_id, body.model);
      const former = before.settings.tools ?? [];
      checkHandOver(body.hand_over, body.tools ?? former, body.tools !== undefined);
      const owner = { company_id, agent_id: before.id };
      const tools = body.tools ? await storedTools(c.get("config"), owner, body.tools, former) : former;
      const fields = columnsOf(body, tools);
      if (isUnchanged(before, fields)) return c.json({ agent: agentView(before) });
      if (JSON.stringify(before.allowed_origins) !== JSON.stringify(fields.allowed_origins))
        await noteEnded(c, company_id, WEBSITES);
      const agent = await updateAgent(db, company_id, before.id, fields, audit("agent.update", "agent", before.id));
      forgetWebsites();
      if (!agent) throw notFound();
      return c.json({ agent: agentView(agent) });
    },
  );

  const marks = [
    { method: "delete", path: "/agent/{id}", summary: "Delete an agent", action: "agent.delete", run: deleteAgent },
    {
      method: "patch",
      path: "/agent/{id}/restore",
      summary: "Restore an agent",
      action: "agent.restore",
      run: restoreAgent,
    },
  ] as const;
  for (const { method, path, summary, action, run } of marks) {
    api.route(
      {
        ...common,
        method,
        path,
        summary,
        description: "Repeating it changes nothing and answers the same.",
        params: pathId(),
        problems: ["store_unavailable"],
        responses: () => ({ 200: json("The agent as it is now.", response()) }),
      },
      async ({ c, db, caller, audit, params }) => {
        if (method === "delete") await noteEnded(c, caller.company_id, WEBSITES);
        const agent = await run(db, caller.company_id, params.id, audit(action, "agent", params.id));
        forgetWebsites();
        if (!agent) throw notFound();
        return c.json({ agent: agentView(agent) });
      },
    );
  }
}

/** Throws 422 for models that no provider of the company has. */
async function checkModel(c: AppContext, db: Database, company_id: string, model: string | string[]): Promise<void> {
  const names = await listProviderNames(db, company_id);
  const problems = [model].flat().flatMap((name, index) => {
    const message = modelProblem(name, names, c.get("config"));
    return message ? [{ path: typeof model === "string" ? "/model" : `/model/${index}`, message }] : [];
  });
  if (problems.length > 0) throw invalid(...problems);
}

/** Whether a replacement would change nothing. Then nothing is written, and there is no audit row. */
const isUnchanged = (row: AgentRow, fields: ReturnType<typeof columnsOf>): boolean =>
  Object.entries(fields).every(
    ([name, value]) => JSON.stringify(row[name as keyof AgentRow]) === JSON.stringify(value),
  );
