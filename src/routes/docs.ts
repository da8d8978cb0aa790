/** The reference page, the OpenAPI document that it shows, and the documentation as text. All of them are files that are built. */
import type { Hono } from "hono";
import { findFirstAgent } from "../db/agent.ts";
import { controlDatabase } from "../db/database.ts";
import { assetOf } from "../http/asset.ts";
import { type AppContext, type AppEnv, originOf } from "../http/context.ts";
import { notFound } from "../problem/problem.ts";

/** No other origins, no script within the page, no frames. */
const CONTENT_SECURITY_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

export function docsRoutes(app: Hono<AppEnv>): void {
  for (const path of ["/openapi.json", "/v1/openapi.json", "/api/v1/openapi.json"]) {
    app.get(path, async (c) => {
      const file = await assetOf(c, "/openapi.json");
      file.headers.set("content-type", "application/json");
      file.headers.set("access-control-allow-origin", "*");
      file.headers.set("cache-control", "public, max-age=300");
      return file;
    });
  }

  app.get("/docs", async (c) => {
    const page = await assetOf(c, "/docs");
    page.headers.set("content-security-policy", CONTENT_SECURITY_POLICY);
    page.headers.set("referrer-policy", "no-referrer");
    page.headers.set("cache-control", "no-cache");
    const local = await localAccess(c);
    if (!local) return page;
    page.headers.set("cache-control", "no-store");
    page.headers.delete("etag");
    const fill = (element: Element) => {
      for (const [name, value] of Object.entries(local)) element.setAttribute(`data-${name}`, value);
    };
    return new HTMLRewriter().on("#reference", { element: fill }).transform(page);
  });

  app.get("/llms.txt", async (c) => {
    const file = await c.env.ASSETS.fetch(new URL("/llms.txt", c.req.url));
    if (!file.ok) throw notFound();
    const text = (await file.text()).replaceAll("](/", `](${originOf(c)}/`);
    return c.body(text, 200, { ...AS_TEXT, "content-type": "text/plain; charset=utf-8" });
  });
  for (const path of ["/README.md", "/CONTRIBUTING.md", "/docs/:page{.+\\.md}", "/clients/:page{.+\\.md}"]) {
    app.get(path, async (c) => {
      const file = await assetOf(c, new URL(c.req.url).pathname);
      for (const [name, value] of Object.entries(AS_TEXT)) file.headers.set(name, value);
      return file;
    });
  }
  for (const path of ["/LICENSE", "/docs/images/:name"]) app.get(path, (c) => assetOf(c, new URL(c.req.url).pathname));
}

const AS_TEXT = {
  "content-type": "text/markdown; charset=utf-8",
  "access-control-allow-origin": "*",
  "cache-control": "public, max-age=300",
};

/**
 * What the reference page tries calls with while `npm start` runs: the demo company's key and agent. Only for a browser on this
 * machine, which the name that it asked for says: a page from elsewhere cannot read the answer.
 */
async function localAccess(c: AppContext): Promise<Record<string, string> | null> {
  const { local, DEMO_KEY } = c.get("config");
  const { hostname } = new URL(c.req.url);
  if (!local || DEMO_KEY === undefined || !["127.0.0.1", "localhost", "[::1]"].includes(hostname)) return null;
  const [key = "", secret = ""] = DEMO_KEY.split(":");
  const agent = await findFirstAgent(controlDatabase(c.env));
  return { key, secret, ...(agent ? { agent: agent.id } : {}) };
}
