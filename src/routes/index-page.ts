/** The index at `/`, and a page for every problem code: small pages of text, or JSON for programs. */
import type { Hono } from "hono";
import { html } from "hono/html";
import { type AppContext, type AppEnv, originOf } from "../http/context.ts";
import { notFound, problemCodes } from "../problem/problem.ts";
import { PROBLEM_HELP } from "../problem/help.ts";

const CONTENT_SECURITY_POLICY =
  "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const problems = problemCodes();

export function indexRoutes(app: Hono<AppEnv>): void {
  app.get("/", async (c): Promise<Response> => {
    const origin = originOf(c);
    const links = {
      api: `${origin}/v1`,
      docs: `${origin}/docs`,
      openapi: `${origin}/openapi.json`,
      llms: `${origin}/llms.txt`,
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
    <li><a href="/llms.txt">llms.txt</a>, for language models</li>
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
        <link rel="stylesheet" href="/docs/sheet.css" />
        <link rel="icon" href="data:," />
      </head>
      <body>
        <main>
          <h1>${title}</h1>
          ${body}
        </main>
      </body>
    </html>`;
  const headers = {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "referrer-policy": "no-referrer",
    "cache-control": "no-cache",
  };
  return new Response(text.toString(), { headers });
}
