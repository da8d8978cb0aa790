/** `/console`, the staff's web app: static files, which talk to the API of this origin and to nothing else. */
import type { Hono } from "hono";
import { assetOf } from "../http/asset.ts";
import type { AppContext, AppEnv } from "../http/context.ts";
import { notFound } from "../problem/problem.ts";

/** Nothing inline, no other origin, no HTML out of text; in a frame only of this origin's own /demo. */
const CONTENT_SECURITY_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; require-trusted-types-for 'script'; trusted-types 'none'";

export function consoleRoutes(app: Hono<AppEnv>): void {
  /** The name of a file has a hash of what is in it, so that it never changes. */
  app.get("/console/files/:name", async (c) => {
    const file = await assetOf(c, `/console/files/${c.req.param("name")}`);
    if (file.status === 404) throw notFound();
    file.headers.set("cache-control", "public, max-age=31536000, immutable");
    return file;
  });

  /** Every other address below is one of the app's own pages. */
  const page = async (c: AppContext) => {
    const answer = await assetOf(c, "/console");
    answer.headers.set("content-security-policy", CONTENT_SECURITY_POLICY);
    answer.headers.set("referrer-policy", "no-referrer");
    answer.headers.set("cross-origin-opener-policy", "same-origin");
    answer.headers.set("cache-control", "no-cache");
    return answer;
  };
  app.get("/console", page);
  app.get("/console/*", page);
}
