/** `/widget.js`, which any website may load, and `/demo`, a website with the widget beside the console of its staff. */
import type { Hono } from "hono";
import { findFirstAgent } from "../db/agent.ts";
import { controlDatabase } from "../db/database.ts";
import { assetOf } from "../http/asset.ts";
import type { AppContext, AppEnv } from "../http/context.ts";
import { isId } from "../http/fields.ts";

/** As strict as possible, to show that the widget works under such a policy. */
const CONTENT_SECURITY_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/** Stands in widget.js for the id of that agent; the same as in src/pages/widget/script.ts. */
const AGENT_PLACE = "%WIDGET_AGENT%";

export function widgetRoutes(app: Hono<AppEnv>): void {
  app.get("/widget.js", async (c) => {
    const asset = await assetOf(c, "/widget.js");
    asset.headers.set("cache-control", "public, max-age=300, stale-while-revalidate=86400");
    asset.headers.set("cross-origin-resource-policy", "cross-origin");
    asset.headers.set("access-control-allow-origin", "*");
    return withAgent(asset, c.get("config").WIDGET_AGENT);
  });

  app.get("/demo", async (c) => {
    const agent_id = await demoAgent(c);
    const page = await assetOf(c, "/demo");
    page.headers.set("content-security-policy", CONTENT_SECURITY_POLICY);
    page.headers.set("referrer-policy", "no-referrer");
    page.headers.set("cache-control", "no-cache");
    page.headers.delete("etag");
    const hint = { element: (element: Element) => void element.remove() };
    const script = { element: (element: Element) => void element.setAttribute("data-agent-id", agent_id ?? "") };
    const rewriter = agent_id
      ? new HTMLRewriter().on("[data-without-agent]", hint).on("script[data-agent-id]", script)
      : new HTMLRewriter().on("script[data-agent-id]", hint);
    return rewriter.transform(page);
  });
}

/** The script with the deployment's own agent in it, for pages that name none; as it was built where there is no such agent. */
async function withAgent(asset: Response, agent_id: string | undefined): Promise<Response> {
  if (agent_id === undefined || asset.status !== 200) return asset;
  const headers = new Headers(asset.headers);
  // The file is the same when the variable is another.
  for (const name of ["etag", "content-length"]) headers.delete(name);
  return new Response((await asset.text()).replace(AGENT_PLACE, agent_id), { headers });
}

/** The agent of `?agent=…`; locally the first agent if there is no such parameter. */
async function demoAgent(c: AppContext): Promise<string | null> {
  const id = c.req.query("agent");
  if (id !== undefined) return isId(id) ? id : null;
  return c.get("config").local ? ((await findFirstAgent(controlDatabase(c.env)))?.id ?? null) : null;
}
