/** Figures over a period, for staff: of one agent, of token usage, of the whole company; in total and by UTC day. */
import * as z from "zod";
import { findAgent } from "../../db/agent.ts";
import {
  type Created,
  type Grouping,
  MAX_GROUPS,
  periodFigures,
  type PeriodFigures,
  selectPercentiles,
  selectSums,
  type Sums,
} from "../../db/analytic-period.ts";
import { readTally } from "../../db/tally.ts";
import { type Api } from "../../http/api.ts";
import { json } from "../../http/operation.ts";
import { id, pathId } from "../../http/fields.ts";
import { notFound } from "../../problem/problem.ts";
import { turnFigures, turnView, usageFigures, usageFiguresView, withoutPercentiles } from "./figures.ts";
import { dateOf, daysOf, periodFields, periodOf, periodSchema, periodView } from "./period.ts";
import { lazy } from "../../lazy.ts";

const count = lazy(() => z.int().min(0));
const date = lazy(() => z.iso.date().meta({ description: "A UTC day.", example: "2026-11-22" }));
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
      description: "In total and by UTC day; every day of the period is there.",
      params: pathId("agent_id"),
      query,
      responses: () => ({ 200: json("The figures.", agentAnalytics()) }),
    },
    async ({ c, db, caller: { company_id }, params: { agent_id }, query }) => {
      const period = periodOf(query, Date.now());
      const agent = await findAgent(db, company_id, agent_id);
      if (!agent) throw notFound();
      const scope = { ...period, company_id, agents: [agent_id] };
      const [periodResult, conversations, { active: leads }] = await Promise.all([
        periodFigures(db, scope, ["total", "day"]),
        readTally(db, company_id, "agent", agent_id),
        readTally(db, company_id, "lead", agent_id),
      ]);
      return c.json({
        agent_id,
        name: agent.name,
        ...periodView(period),
        conversations,
        leads,
        ...figuresView(periodResult, daysOf(period)),
      });
    },
  );

  api.route(
    {
      ...common,
      path: "/analytic/usage",
      summary: "Turns and tokens over a period",
      description: "By UTC day, agent and model. Measured by the model's provider, or estimated from the text.",
      query,
      responses: () => ({ 200: json("The figures.", usageAnalytics()) }),
    },
    async ({ c, db, caller: { company_id }, query }) => {
      const period = periodOf(query, Date.now());
      const scope = { ...period, company_id };
      const [sums, percentiles] = await db.batch([
        selectSums(db, scope, ["total", "day", "agent", "model"]),
        selectPercentiles(db, scope, "day"),
      ]);
      const days = byRef(sums, "day");
      const ranks = new Map(percentiles.map((row) => [row.ref, row]));
      const figures = (row: Sums) => withoutPercentiles(usageFiguresView(row));
      return c.json({
        ...periodView(period),
        totals: usageFiguresView(of(sums, "total")[0], ranks.get(null)),
        by_day: daysOf(period).map((day) => ({
          date: dateOf(day),
          ...usageFiguresView(days.get(day), ranks.get(day)),
        })),
        by_agent: of(sums, "agent").map((s) => ({ agent_id: s.ref, name: s.name, ...figures(s) })),
        by_model: of(sums, "model").map((s) => ({ model_used: s.ref, ...figures(s) })),
      });
    },
  );

  api.route(
    {
      ...common,
      path: "/analytic/dashboard",
      summary: "Figures about the company over a period",
      description: "In total and by UTC day; every day of the period is there.",
      query,
      responses: () => ({ 200: json("The figures.", dashboard()) }),
    },
    async ({ c, db, caller: { company_id }, query }) => {
      const period = periodOf(query, Date.now());
      const [periodResult, conversations, { active: leads }] = await Promise.all([
        periodFigures(db, { ...period, company_id }, ["total", "day", "top_agent"]),
        readTally(db, company_id, "company"),
        readTally(db, company_id, "lead"),
      ]);
      const top_agents = of(periodResult.sums, "top_agent").map((sums) => {
        const figures = withoutPercentiles(turnView(sums, undefined));
        return { agent_id: sums.ref, name: sums.name, ...figures };
      });
      return c.json({
        ...periodView(period),
        conversations,
        leads,
        ...figuresView(periodResult, daysOf(period)),
        top_agents,
      });
    },
  );
}

/** Totals, and figures of each of `days` (days since 1970), also of days without turns. Pure. */
function figuresView({ sums, percentiles, conversations, leads }: PeriodFigures, days: number[]) {
  const ofDay = byRef(sums, "day");
  const percentilesOf = new Map(percentiles.map((row) => [row.ref, row]));
  const newConversations = byDayNumber(conversations);
  const newLeads = byDayNumber(leads);
  const total = (perDay: Map<number, number>) => [...perDay.values()].reduce((sum, n) => sum + n, 0);
  return {
    totals: {
      new_conversations: total(newConversations),
      new_leads: total(newLeads),
      ...turnView(of(sums, "total")[0], percentilesOf.get(null)),
    },
    by_day: days.map((day) => ({
      date: dateOf(day),
      new_conversations: newConversations.get(day) ?? 0,
      new_leads: newLeads.get(day) ?? 0,
      ...turnView(ofDay.get(day), percentilesOf.get(day)),
    })),
  };
}

const of = (sums: Sums[], kind: Grouping) => sums.filter((row) => row.kind === kind);
const byRef = (sums: Sums[], kind: Grouping) => new Map(of(sums, kind).map((row) => [row.ref, row]));
const byDayNumber = (rows: Created[]) => new Map(rows.map(({ day, n }) => [day, n]));
