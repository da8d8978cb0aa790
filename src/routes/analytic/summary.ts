/** Figures over a period, for staff: of one agent, of token usage, of the whole company; in total and by the company's days. */
import * as z from "zod";
import { findAgent } from "../../db/agent.ts";
import { type Figures, figuresOf, type Grouping, MAX_GROUPS, type Sums } from "../../db/analytic-period.ts";
import type { LocalDay } from "../../db/day.ts";
import { readTally } from "../../db/tally.ts";
import { type Api } from "../../http/api.ts";
import { json } from "../../http/operation.ts";
import { id, pathId } from "../../http/fields.ts";
import { notFound } from "../../problem/problem.ts";
import { type Times, turnFigures, turnView, usageFigures, usageFiguresView, withoutPercentiles } from "./figures.ts";
import { companyPeriod, periodFields, periodSchema, periodView } from "./period.ts";
import { lazy } from "../../lazy.ts";

const count = lazy(() => z.int().min(0));
const date = lazy(() => z.iso.date().meta({ description: "A day in the company's time zone.", example: "2026-11-22" }));
const name = lazy(() => z.string().nullable().meta({ description: "As the agent is called now." }));

const conversations = lazy(() =>
  z
    .object({
      active: count(),
      archived: count(),
      deleted: count().meta({ description: "Deleted, and can be restored." }),
    })
    .meta({ description: "As they are now." }),
);
const leads = lazy(() => count().meta({ description: "Live leads now." }));

const creationFigures = lazy(() => ({
  new_conversations: count().meta({ description: "Made in this time, also those that were deleted since." }),
  new_leads: count().meta({ description: "Registered in this time, also those that were deleted since." }),
}));
const figures = lazy(() => z.object({ ...creationFigures(), ...turnFigures() }));
const byDay = <S extends z.ZodRawShape>(shape: S) => z.array(z.object({ date: date(), ...shape }));

const agentAnalytics = lazy(() =>
  z
    .object({
      agent_id: id(),
      name: z.string(),
      ...periodSchema(),
      conversations: conversations(),
      leads: leads(),
      totals: figures(),
      by_day: byDay(figures().shape),
    })
    .meta({ id: "AgentAnalytics" }),
);

const dashboard = lazy(() =>
  z
    .object({
      ...periodSchema(),
      conversations: conversations(),
      leads: leads(),
      totals: figures(),
      by_day: byDay(figures().shape),
      top_agents: z
        .array(z.object({ agent_id: id(), name: name(), ...withoutPercentiles(turnFigures()) }))
        .meta({ description: "The ten with most turns." }),
    })
    .meta({ id: "Dashboard" }),
);

const usageAnalytics = lazy(() =>
  z
    .object({
      ...periodSchema(),
      totals: z.object(usageFigures()),
      by_day: byDay(usageFigures()),
      by_agent: z
        .array(z.object({ agent_id: id(), name: name(), ...withoutPercentiles(usageFigures()) }))
        .meta({ description: `The ${MAX_GROUPS} with most turns.` }),
      by_model: z
        .array(z.object({ model_used: z.string().nullable(), ...withoutPercentiles(usageFigures()) }))
        .meta({ description: `The ${MAX_GROUPS} with most turns.` }),
    })
    .meta({ id: "UsageAnalytics" }),
);

export function analyticSummaryRoutes(api: Api): void {
  const common = { method: "get", tag: "Analytics", audience: "staff", scope: "read" } as const;
  const query = () => z.object(periodFields());

  api.route(
    {
      ...common,
      path: "/analytic/agent/{agent_id}",
      summary: "Figures about one agent over a period",
      description: "In total and by day of the company's time zone; every day of the period is there.",
      params: pathId("agent_id"),
      query,
      responses: () => ({ 200: json("The figures.", agentAnalytics()) }),
    },
    async ({ c, db, caller: { company_id }, params: { agent_id }, query }) => {
      const period = await companyPeriod(c, company_id, query);
      const agent = await findAgent(db, company_id, agent_id);
      if (!agent) throw notFound();
      const [figures, conversations, { active: leads }] = await Promise.all([
        figuresOf(db, { company_id, agents: [agent_id], pieces: period.days }, ["total", "day"]),
        readTally(db, company_id, "agent", agent_id),
        readTally(db, company_id, "lead", agent_id),
      ]);
      return c.json({
        agent_id,
        name: agent.name,
        ...periodView(period),
        conversations,
        leads,
        ...figuresView(figures, period.days),
      });
    },
  );

  api.route(
    {
      ...common,
      path: "/analytic/usage",
      summary: "Turns and tokens over a period",
      description:
        "By day of the company's time zone, agent and model. Measured by the model's provider, or estimated from the text.",
      query,
      responses: () => ({ 200: json("The figures.", usageAnalytics()) }),
    },
    async ({ c, db, caller: { company_id }, query }) => {
      const period = await companyPeriod(c, company_id, query);
      const scope = { company_id, pieces: period.days };
      const found = await figuresOf(db, scope, ["total", "day", "agent", "model"]);
      const days = byRef(found.sums, "day");
      const figures = (row: Sums) => withoutPercentiles(usageFiguresView(row));
      return c.json({
        ...periodView(period),
        totals: usageFiguresView(of(found.sums, "total")[0], timesOf(found, null)),
        by_day: period.days.map(({ date }, place) => ({
          date,
          ...usageFiguresView(days.get(place), timesOf(found, place)),
        })),
        by_agent: of(found.sums, "agent").map((s) => ({ agent_id: s.ref, name: s.name, ...figures(s) })),
        by_model: of(found.sums, "model").map((s) => ({ model_used: s.ref, ...figures(s) })),
      });
    },
  );

  api.route(
    {
      ...common,
      path: "/analytic/dashboard",
      summary: "Figures about the company over a period",
      description: "In total and by day of the company's time zone; every day of the period is there.",
      query,
      responses: () => ({ 200: json("The figures.", dashboard()) }),
    },
    async ({ c, db, caller: { company_id }, query }) => {
      const period = await companyPeriod(c, company_id, query);
      const [found, conversations, { active: leads }] = await Promise.all([
        figuresOf(db, { company_id, pieces: period.days }, ["total", "day", "top_agent"]),
        readTally(db, company_id, "company"),
        readTally(db, company_id, "lead"),
      ]);
      const top_agents = of(found.sums, "top_agent").map((sums) => {
        const figures = withoutPercentiles(turnView(sums));
        return { agent_id: sums.ref, name: sums.name, ...figures };
      });
      return c.json({
        ...periodView(period),
        conversations,
        leads,
        ...figuresView(found, period.days),
        top_agents,
      });
    },
  );
}

/** Totals, and figures of each of `days`, also of days on which nothing happened. Pure. */
function figuresView(found: Figures, days: LocalDay[]) {
  const ofDay = byRef(found.sums, "day");
  const view = (sums: Sums | undefined, place: number | null) => ({
    new_conversations: sums?.conversations ?? 0,
    new_leads: sums?.leads ?? 0,
    ...turnView(sums, timesOf(found, place)),
  });
  return {
    totals: view(of(found.sums, "total")[0], null),
    by_day: days.map(({ date }, place) => ({ date, ...view(ofDay.get(place), place) })),
  };
}

const of = (sums: Sums[], kind: Grouping) => sums.filter((row) => row.kind === kind);
const byRef = (sums: Sums[], kind: Grouping) => new Map(of(sums, kind).map((row) => [row.ref, row]));
/** Of the day in that place, or with null of the whole period. */
const timesOf = ({ percentiles }: Figures, place: number | null): Times =>
  Object.fromEntries(percentiles.filter(({ ref }) => ref === place).map((row) => [row.of, row]));
