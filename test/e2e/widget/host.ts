/** Somebody's website, on an origin of its own: pages that embed the widget, and a record of what they were asked for. */
import { createServer } from "node:http";

type Page = { html: string; headers?: Record<string, string> };

export type Host = {
  origin: string;
  /** Puts a page there and gives its address. */
  page: (page: Page) => string;
  /** Paths that were asked for and are no pages. */
  strays: string[];
  close: () => Promise<void>;
};

export async function startHost(): Promise<Host> {
  const pages = new Map<string, Page>();
  const strays: string[] = [];
  const server = createServer((request, response) => {
    const page = pages.get(request.url ?? "");
    if (!page && request.url !== "/favicon.ico") strays.push(request.url ?? "");
    response
      .writeHead(page ? 200 : 404, { "content-type": "text/html; charset=utf-8", ...page?.headers })
      .end(page?.html ?? "");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const origin = `http://127.0.0.1:${address.port}`;
  return {
    origin,
    strays,
    page: (page) => {
      const path = `/page-${pages.size + 1}`;
      pages.set(path, page);
      return origin + path;
    },
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** A page with some text and the widget. `attributes` are those of the script element, `head` goes before it. */
export function pageWith(script: string, attributes: Record<string, string>, head = ""): string {
  const data = Object.entries(attributes).map(([name, value]) => ` data-${name}="${value.replaceAll('"', "&quot;")}"`);
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,
initial-scale=1"><title>A website</title><link rel="icon" href="data:,">${head}<script src="${script}"${data.join("")} async></script></head>
<body><main><h1>A website</h1><p>With <a href="#more">a link</a> and a <button>button</button>.</p></main></body></html>`;
}
