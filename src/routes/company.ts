/** The company's own settings: its name, where its days begin, and for how long it keeps what nobody uses any more. */
import * as z from "zod";
import { findCompany, type CompanyRow, type CompanySettings, updateCompany } from "../db/company.ts";
import { effectiveRetention } from "../compliance/rule.ts";
import { type Api } from "../http/api.ts";
import { json } from "../http/operation.ts";
import type { AppContext } from "../http/context.ts";
import { id, timeZone, visibleText } from "../http/fields.ts";
import { invalid, notFound } from "../problem/problem.ts";
import { lazy } from "../lazy.ts";

const CLASSES = ["conversations_days", "deleted_days", "leads_days"] as const;

const days = lazy(() => z.int().min(1).max(36_500).nullable());
const retention = lazy(() =>
  z.strictObject({
    conversations_days: days().meta({ description: "Live conversations, from their last message on." }),
    deleted_days: days().meta({ description: "Deleted conversations and messages, from the delete on." }),
    leads_days: days().meta({
      description: "Visitors with everything of theirs, from the last time they wrote or their details changed.",
    }),
  }),
);

const companySchema = lazy(() =>
  z
    .object({
      id: id(),
      name: z.string(),
      time_zone: z.string().meta({ example: "Europe/Berlin" }),
      retention: retention().meta({
        description: "Days after which what nobody uses goes for good; null keeps it for ever.",
      }),
    })
    .meta({ id: "Company" }),
);
const response = lazy(() => z.object({ company: companySchema() }));

const changes = lazy(() =>
  z
    .strictObject({
      name: visibleText(200).optional(),
      time_zone: timeZone().optional(),
      retention: retention().partial().optional().meta({ description: "Members left out stay as they are." }),
    })
    .meta({ id: "CompanyChanges" }),
);

export function companyRoutes(api: Api): void {
  const common = {
    path: "/company",
    tag: "Company",
    audience: "staff",
    scope: "admin",
    store: "control",
    problems: ["not_found"],
    responses: () => ({ 200: json("The company.", response()) }),
  } as const;

  api.route(
    {
      ...common,
      method: "get",
      summary: "Look at the company's settings",
      description: "Its name, the zone in which its days begin, and for how long it keeps what.",
    },
    async ({ c, db, caller }) => {
      const row = await findCompany(db, caller.company_id);
      if (!row) throw notFound();
      return c.json({ company: companyView(c, row) });
    },
  );

  api.route(
    {
      ...common,
      method: "patch",
      summary: "Change the company's settings",
      description:
        "Members left out stay as they are. Retention is carried out by the scheduled run; no number may be more than the deployment's `RETENTION_DAYS`, where that is set.",
      body: changes,
    },
    async ({ c, db, caller: { company_id }, audit, body }) => {
      const { retention: days = {}, ...rest } = body;
      refuseTooLong(c, days);
      const before = await findCompany(db, company_id);
      if (!before) throw notFound();
      const settings = Object.fromEntries(
        Object.entries({ ...rest, ...days }).filter(
          ([name, value]) => value !== undefined && value !== before[name as keyof CompanySettings],
        ),
      ) as CompanySettings;
      const changed = Object.keys(settings);
      if (changed.length === 0) return c.json({ company: companyView(c, before) });
      // The audit row has the numbers: they are no content, and show who shortened a retention.
      const numbers = Object.fromEntries(CLASSES.flatMap((name) => (name in settings ? [[name, settings[name]]] : [])));
      const record = audit("company.update", "company", company_id, { changed, ...numbers });
      const row = await updateCompany(db, company_id, settings, record);
      if (!row) throw notFound();
      return c.json({ company: companyView(c, row) });
    },
  );
}

function refuseTooLong(c: AppContext, days: Partial<Pick<CompanyRow, (typeof CLASSES)[number]>>): void {
  const most = c.get("config").RETENTION_DAYS;
  const wrong = CLASSES.filter((name) => most > 0 && (days[name] ?? 0) > most);
  if (wrong.length === 0) return;
  const message = `must be at most ${most}, which is as long as this deployment keeps anything`;
  throw invalid(...wrong.map((name) => ({ path: `/retention/${name}`, message })));
}

const companyView = (c: AppContext, row: CompanyRow) => ({
  id: row.id,
  name: row.name,
  time_zone: row.time_zone,
  retention: effectiveRetention(row, c.get("config").RETENTION_DAYS),
});
