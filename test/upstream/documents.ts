/** `/documents/<name>` and `/.well-known/<name>`: what a test PUTs there as JSON, everybody can GET. Key sets of identity providers live here. */
import type { IncomingMessage, ServerResponse } from "node:http";

const PATH = /^\/(?:documents\/([\w./-]+)|(\.well-known\/[\w./-]+))$/;
const documents = new Map<string, Buffer>();

/** Answers the request when it is for a document; false when it is for somebody else. */
export async function serveDocument(request: IncomingMessage, response: ServerResponse): Promise<boolean> {
  const [, document, wellKnown] = PATH.exec(request.url ?? "") ?? [];
  const name = document ?? wellKnown;
  if (name === undefined) return false;
  if (request.method === "PUT") {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    documents.set(name, Buffer.concat(chunks));
    response.writeHead(204).end();
    return true;
  }
  const stored = documents.get(name);
  if (request.method !== "GET" || !stored) response.writeHead(404).end();
  else response.writeHead(200, { "content-type": "application/json" }).end(stored);
  return true;
}
