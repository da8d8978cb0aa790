/** Small pages of text for browsers, in the style of the documentation: no scripts, nothing of another origin. */
import { html } from "hono/html";
import type { AppContext } from "./context.ts";

const CONTENT_SECURITY_POLICY =
  "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

export type Html = ReturnType<typeof html>;

/** True for browsers; programs mostly accept anything. */
export const wantsHtml = (c: AppContext) => /\btext\/html\b/i.test(c.req.header("accept") ?? "");

export async function sheet(title: string, body: Html, status = 200): Promise<Response> {
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
    "cache-control": status === 200 ? "no-cache" : "no-store",
  };
  return new Response(text.toString(), { status, headers });
}
