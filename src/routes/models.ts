/** Agents as models, for clients of OpenAI's API: they ask which there are before anything else. */
import * as z from "zod";
import { type AgentRow, findAgent, listAgents } from "../db/agent.ts";
import type { Api } from "../http/api.ts";
import { id, integer, pathId } from "../http/fields.ts";
import { json } from "../http/operation.ts";
import { lazy } from "../lazy.ts";
import { notFound } from "../problem/problem.ts";

const modelSchema = lazy(() =>
  z
    .object({
      id: id().meta({ description: "The agent's id: what `model` of a completion names." }),
      object: z.literal("model"),
      created: z.int().meta({ description: "Seconds since 1970." }),
      owned_by: id().meta({ description: "The company." }),
      name: z.string().meta({ description: "The agent's name." }),
    })
    .meta({ id: "Model" }),
);

const listSchema = lazy(() =>
  z
    .object({ object: z.literal("list"), data: z.array(modelSchema()), has_more: z.boolean() })
    .meta({ id: "ModelList" }),
);

const listQuery = lazy(() =>
  z.object({
    limit: integer(1, 100).default(100),
    after: z.uuid().optional().meta({ description: "The last id of the page before." }),
  }),
);

const view = ({ id, created_at, company_id, name }: AgentRow) => ({
  id,
  object: "model" as const,
  created: Math.floor(created_at / 1000),
  owned_by: company_id,
  name,
});

const common = { method: "get", tag: "Agents", audience: "staff", scope: "read", dialect: "openai" } as const;

export function modelRoutes(api: Api): void {
  api.route(
    {
      ...common,
      path: "/models",
      summary: "List agents, as clients of OpenAI's API ask for models",
      description: "Active agents of the company, newest first.",
      query: listQuery,
      responses: () => ({ 200: json("A page of models.", listSchema()) }),
    },
    async ({ c, db, caller, query: { limit, after } }) => {
      const slice = { after: after === undefined ? null : [after.toLowerCase()], offset: 0, limit: limit + 1 };
      const { rows } = await listAgents(db, caller.company_id, { status: "active" }, slice);
      return c.json({ object: "list", data: rows.slice(0, limit).map(view), has_more: rows.length > limit });
    },
  );

  api.route(
    {
      ...common,
      path: "/models/{id}",
      summary: "Look at one agent as a model",
      description:
        "For clients of OpenAI's API that ask whether a model is there. An agent that is not active is not found.",
      params: pathId(),
      responses: () => ({ 200: json("The model.", modelSchema()) }),
    },
    async ({ c, db, caller, params }) => {
      const agent = await findAgent(db, caller.company_id, params.id);
      if (agent?.status !== "active") throw notFound();
      return c.json(view(agent));
    },
  );
}
