/** Set-up: a link that was made beside the service (see cli/tenant/setup-link.ts) becomes a company and its first admin key, once. */
import type { Hono } from "hono";
import { html } from "hono/html";
import { uuidv7 } from "uuidv7";
import * as z from "zod";
import { hashSecret, newApiKey } from "../auth/api-key.ts";
import { companyRows } from "../db/company.ts";
import { controlDatabase } from "../db/database.ts";
import { hasOpenLink, redeemLink } from "../db/setup-link.ts";
import { type Api } from "../http/api.ts";
import type { AppContext, AppEnv } from "../http/context.ts";
import { id, text } from "../http/fields.ts";
import { json } from "../http/operation.ts";
import { enforceLimit } from "../http/rate-limit.ts";
import { sheet, wantsHtml } from "../http/sheet.ts";
import { lazy } from "../lazy.ts";
import { Problem } from "../problem/problem.ts";

/** Nothing but its own files and its empty icon, and no frames: the page shows a secret. */
const CONTENT_SECURITY_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/** Of whatever is wrong with a link, so that nobody learns which links there were. */
const NOT_GOOD = "This link is not good: it was used, is older than an hour, or a newer one was made.";

/** What makes another link, of this service. */
const remedy = (c: AppContext) => `npm run company -- link${c.get("config").local ? "" : " --remote"}`;

const notGood = (c: AppContext) => new Problem("not_found", `${NOT_GOOD} \`${remedy(c)}\` makes another.`);

const body = lazy(() =>
  z
    .strictObject({
      token: text(200).meta({ description: "What comes after the # of the link." }),
      name: text(200, 1)
        .transform((name) => name.trim())
        .refine((name) => name !== "" && !/\p{Cc}/u.test(name), "is blank or has control characters")
        .meta({ description: "The company's name.", example: "Acme" }),
    })
    .meta({ id: "SetupBody" }),
);

const response = lazy(() =>
  z
    .object({
      company: z.object({ id: id(), name: z.string() }),
      api_key: z.string().meta({ description: "X-API-Key. It has the scope admin." }),
      api_secret: z.string().meta({ description: "X-API-Secret. Shown here and never again." }),
    })
    .meta({ id: "Setup" }),
);

export function setupRoutes(api: Api): void {
  api.route(
    {
      method: "post",
      path: "/setup",
      summary: "Make the first company",
      description:
        "What the page `/setup` sends: the token of a set-up link, which `npm run deploy` prints, becomes a company and its admin key, once and within the hour. Whatever is wrong with a link, the answer is the same 404.",
      tag: "Service",
      audience: "public",
      scope: "admin",
      store: "control",
      limit: "ip",
      body,
      problems: ["not_found"],
      responses: () => ({ 201: json("The company and, this once, its key.", response()) }),
    },
    async ({ c, db, body: { token, name } }) => {
      const now = Date.now();
      const plan = { company_id: uuidv7(), user_id: uuidv7(), name, owner: "Owner", role: "admin" } as const;
      const key = await newApiKey(plan, { name: "admin", scopes: ["admin"] }, now);
      const rows = companyRows(plan, [key.row], "setup-link", now);
      if (!(await redeemLink(db, await hashSecret(token), now, rows))) throw notGood(c);
      const company = { id: plan.company_id, name };
      return c.json({ company, api_key: key.row.key, api_secret: key.secret }, 201);
    },
  );
}

/** The page of the link. Where no link is open, there is none, which a browser says in a page without scripts. */
export function setupPage(app: Hono<AppEnv>): void {
  app.get("/setup", async (c): Promise<Response> => {
    await enforceLimit(c, "lookup", null);
    if (!(await hasOpenLink(controlDatabase(c.env), Date.now()))) {
      if (wantsHtml(c))
        return sheet(
          "No set-up link is open",
          html`<p>${NOT_GOOD}</p>
            <p><code>${remedy(c)}</code> makes another.</p>`,
          404,
        );
      throw notGood(c);
    }
    const asset = await c.env.ASSETS.fetch(new Request(new URL("/setup", c.req.url)));
    const page = new Response(asset.body, asset);
    page.headers.set("content-security-policy", CONTENT_SECURITY_POLICY);
    page.headers.set("referrer-policy", "no-referrer");
    page.headers.set("cache-control", "no-store");
    return page;
  });
}
