/** Budgets: how much a company, an agent or a person may use in a day or a month. What is left of them the ledger knows. */
import { uuidv7 } from "uuidv7";
import * as z from "zod";
import { findAgent } from "../../db/agent.ts";
import {
  type BudgetRow,
  deleteBudget,
  findBudget,
  insertBudget,
  listBudgets,
  MAX_BUDGETS,
  unpricedModels,
} from "../../db/budget.ts";
import type { Database } from "../../db/database.ts";
import { findEntity } from "../../db/entity.ts";
import type { Api } from "../../http/api.ts";
import { type AppContext, linkTo } from "../../http/context.ts";
import { idFilter, pathId } from "../../http/fields.ts";
import { json } from "../../http/operation.ts";
import { pageOf, pageQuery, respondWithPage } from "../../http/pagination.ts";
import { invalid, notFound, Problem } from "../../problem/problem.ts";
import { type BudgetBody, budgetBody, budgetSchema, budgetView } from "./schema.ts";

export function budgetRoutes(api: Api): void {
  const common = { tag: "Budgets", scope: "admin", audience: "staff" } as const;
  const response = () => z.object({ budget: budgetSchema() });
  const checked = () =>
    response().extend({
      unpriced_models: z.array(z.string()).meta({
        description:
          "Of a budget in money: models of active agents without a price in its currency (the first 100), whose turns it refuses.",
      }),
    });
  const ofLead = {
    lead_id: idFilter().optional().meta({ description: "Of budgets of each lead: how this one stands." }),
  };

  api.route(
    {
      ...common,
      method: "post",
      path: "/budget",
      summary: "Set a budget",
      description: `Room is reserved before a model is called, for the most that the call can take, and settled with what it took:
turns at the same time never exceed a budget. It counts what was used of the present period before, too. Turns know a first
budget within 15 seconds. At most ${MAX_BUDGETS} a company.`,
      body: budgetBody,
      responses: () => ({ 201: json("The budget.", checked()) }),
      problems: ["conflict", "not_found"],
    },
    async ({ c, db, caller: { company_id }, audit, body }) => {
      const row = { ...rowOf(body), id: uuidv7(), company_id, created_at: Date.now() };
      await checkSubject(db, row);
      const { applies_to, period } = row;
      const made = await insertBudget(db, row, audit("budget.create", "budget", row.id, { applies_to, period }));
      if (!made) throw new Problem("conflict", `There are at most ${MAX_BUDGETS} budgets a company.`);
      const [view] = await viewsOf(c, company_id, [made]);
      return c.json({ budget: view, unpriced_models: await unpricedModels(db, made) }, 201, {
        location: linkTo(c, `/budget/${row.id}`),
      });
    },
  );

  api.route(
    {
      ...common,
      method: "get",
      path: "/budget",
      summary: "List budgets",
      description: "Of the company, newest first, with what is used and reserved of each.",
      query: () => pageQuery().extend(ofLead),
      responses: () => ({ 200: json("A page of budgets, newest first.", pageOf("budgets", budgetSchema())) }),
    },
    async ({ c, db, caller, query }) => {
      await checkLead(db, caller.company_id, query.lead_id);
      return respondWithPage({
        c,
        caller,
        name: "budgets",
        query,
        filter: query.lead_id ?? null,
        read: async (slice) => {
          const { rows, total } = await listBudgets(db, caller.company_id, slice);
          return { rows: await viewsOf(c, caller.company_id, rows, query.lead_id), total };
        },
        key: (row) => [row.id],
        view: (row) => row,
      });
    },
  );

  api.route(
    {
      ...common,
      method: "get",
      path: "/budget/{id}",
      summary: "Look at a budget",
      description: "With what is used and reserved, and when it begins anew.",
      params: pathId(),
      query: () => z.object(ofLead),
      responses: () => ({ 200: json("The budget.", checked()) }),
    },
    async ({ c, db, caller, params, query }) => {
      const row = await findBudget(db, caller.company_id, params.id);
      if (!row) throw notFound();
      await checkLead(db, caller.company_id, query.lead_id);
      const [view] = await viewsOf(c, caller.company_id, [row], query.lead_id);
      return c.json({ budget: view, unpriced_models: await unpricedModels(db, row) });
    },
  );

  api.route(
    {
      ...common,
      method: "delete",
      path: "/budget/{id}",
      summary: "Remove a budget",
      description: "For good. Turns that are refused because of it are not refused any more.",
      params: pathId(),
      responses: () => ({ 200: json("The budget as it stood.", response()) }),
    },
    async ({ c, db, caller: { company_id }, audit, params: { id } }) => {
      const row = await findBudget(db, company_id, id);
      if (!row) throw notFound();
      const [view] = await viewsOf(c, company_id, [row]);
      const removed = await deleteBudget(db, company_id, id, audit("budget.delete", "budget", id));
      if (!removed) throw notFound();
      await viewsOf(c, company_id, []);
      return c.json({ budget: view });
    },
  );
}

/** Asking the ledger has it read the budgets anew. */
async function viewsOf(c: AppContext, company_id: string, rows: BudgetRow[], lead_id: string | null = null) {
  const ids = rows.map(({ id }) => id);
  const states = await c.env.BUDGET.getByName(company_id).states(ids, lead_id);
  return rows.map((row) => {
    const state = states.find(({ id }) => id === row.id);
    if (!state) throw new Problem("store_unavailable", "The ledger does not know the budget yet.", { retry_after: 5 });
    return budgetView(row, state);
  });
}

const NOBODY = { agent_id: null, entity_type: null, entity_id: null };
const NOTHING = { tokens: null, amount: null, currency: null };

const rowOf = (body: BudgetBody) =>
  ({ ...NOBODY, ...NOTHING, ...body }) as Omit<BudgetRow, "id" | "company_id" | "created_at">;

/** The ledger opens a counter for whoever it is asked about. */
async function checkLead(db: Database, company_id: string, lead_id: string | undefined): Promise<void> {
  if (lead_id !== undefined && !(await findEntity(db, company_id, lead_id, "lead")))
    throw invalid({ path: "/lead_id", message: "is no lead of the company" });
}

/** The agent or the person must be the company's. */
async function checkSubject(db: Database, row: BudgetRow): Promise<void> {
  const { company_id, agent_id, entity_type, entity_id } = row;
  if (agent_id !== null && !(await findAgent(db, company_id, agent_id))) throw notFound();
  if (entity_id === null) return;
  if (!(await findEntity(db, company_id, entity_id, entity_type ?? "lead"))) throw notFound();
}
