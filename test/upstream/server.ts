/** A real upstream over HTTP: a model server that speaks the OpenAI protocol, and an identity provider's key set. */
import { createServer } from "node:http";
import { serveDocument } from "./documents.ts";

export async function startUpstream(): Promise<{ port: number; close: () => Promise<void> }> {
  const server = createServer(async (request, response) => {
    if (await serveDocument(request, response)) return;
    response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    port: address.port,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
