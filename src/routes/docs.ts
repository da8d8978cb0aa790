/** The OpenAPI document and its page, a page for every problem code, and the index at `/`. */
import type { Hono } from "hono";
import { html } from "hono/html";
import type { Api } from "../http/api.ts";
import { type AppContext, type AppEnv, originOf } from "../http/context.ts";
import { openApiDocument } from "../http/openapi.ts";
import { notFound, problemCodes } from "../problem/problem.ts";
import { PROBLEM_HELP } from "../problem/help.ts";

/** No other origins, nothing inline, no frames. */
const CONTENT_SECURITY_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const problems = problemCodes();

export function docsRoutes(app: Hono<AppEnv>, api: Api): void {
  let openapi: string | undefined;
  for (const path of ["/openapi.json", "/v1/openapi.json", "/api/v1/openapi.json"]) {
    app.get(path, (c) => {
      openapi ??= JSON.stringify(openApiDocument(api.registry));
      const headers = { "content-type": "application/json", "access-control-allow-origin": "*" };
      return c.body(openapi, 200, { ...headers, "cache-control": "public, max-age=300" });
    });
  }

  app.get("/docs", async (c) => {
    const asset = await c.env.ASSETS.fetch(c.req.raw);
    return guarded(new Response(asset.body, asset));
  });

  app.get("/", async (c): Promise<Response> => {
    const origin = originOf(c);
    const links = {
      api: `${origin}/v1`,
      docs: `${origin}/docs`,
      openapi: `${origin}/openapi.json`,
      demo: `${origin}/demo`,
      console: `${origin}/console`,
    };
    return wantsHtml(c) ? sheet("Conversations API", INDEX) : c.json({ name: "Conversations API", ...links });
  });

  app.get("/errors", () => sheet("Problems", LIST));
  app.get("/errors/:code", async (c): Promise<Response> => {
    const problem = problems.find(({ code }) => code === c.req.param("code"));
    if (!problem) throw notFound();
    const { code, status, title } = problem;
    if (!wantsHtml(c)) return c.json({ code, status, title, meaning: PROBLEM_HELP[code] });
    return sheet(
      title,
      html`<p><code>${code}</code>, HTTP status ${status}</p>
        <p>${PROBLEM_HELP[code]}</p>
        <p><a href="/errors">All problems</a></p>`,
    );
  });
}

/** True for browsers; programs mostly accept anything. */
const wantsHtml = (c: AppContext) => /\btext\/html\b/i.test(c.req.header("accept") ?? "");

type Html = ReturnType<typeof html>;

const INDEX = html`<p>Conversations with AI agents, over HTTP.</p>
  <ul>
    <li><a href="/docs">Documentation</a> of every operation</li>
    <li><a href="/openapi.json">OpenAPI document</a>, for tools</li>
    <li><a href="/demo">Demo</a>: an agent on a web page</li>
    <li><a href="/console">Console</a> of the staff</li>
    <li><a href="/errors">Problems</a> and what to do about them</li>
  </ul>`;

const LIST = html`<ul>
  ${problems.map(
    ({ code, status, title }) =>
      html`<li>
        <a href="/errors/${code}"><code>${code}</code></a> ${status}, ${title}
      </li>`,
  )}
</ul>`;

/** A small page in the style of the documentation. */
async function sheet(title: string, body: Html): Promise<Response> {
  const text = await html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title}</title>
        <link rel="stylesheet" href="/docs/docs.css" />
        <link rel="icon" href="data:," />
      </head>
      <body class="sheet">
        <main>
          <h1>${title}</h1>
          ${body}
        </main>
      </body>
    </html>`;
  return guarded(new Response(text.toString(), { headers: { "content-type": "text/html; charset=utf-8" } }));
}

function guarded(response: Response): Response {
  response.headers.set("content-security-policy", CONTENT_SECURITY_POLICY);
  response.headers.set("referrer-policy", "no-referrer");
  response.headers.set("cache-control", "no-cache");
  return response;
}
