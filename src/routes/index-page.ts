/** The index at `/`, and a page for every problem code: small pages of text, or JSON for programs. */
import type { Hono } from "hono";
import { html } from "hono/html";
import { type AppEnv, originOf } from "../http/context.ts";
import { sheet, wantsHtml } from "../http/sheet.ts";
import { notFound, problemCodes } from "../problem/problem.ts";
import { PROBLEM_HELP } from "../problem/help.ts";

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
