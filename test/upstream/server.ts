/**
 * A real upstream over HTTP: a model server that speaks OpenAI's protocol and does what tests tell it to, the documents
 * of identity providers, and tools under `/tools/<name>`. What is not for the control side is a model's request, whatever
 * its path is.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { control } from "./control.ts";
import { serveDocument } from "./documents.ts";
import { defaultSteps, play } from "./play.ts";
import { UpstreamState } from "./state.ts";

export type Upstream = {
  port: number;
  /** Without a trailing slash; models are under `/v1`. */
  url: string;
  close: () => Promise<void>;
};

/** Starts an upstream on a free port of loopback. */
export async function startUpstream(): Promise<Upstream> {
  const state = new UpstreamState();
  const server = createServer((request, response) => {
    answer(request, response, state).catch((error: unknown) => {
      if (response.headersSent) response.destroy();
      else response.writeHead(500).end(String(error));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    port: address.port,
    url: `http://127.0.0.1:${address.port}`,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

async function answer(request: IncomingMessage, response: ServerResponse, state: UpstreamState): Promise<void> {
  request.socket.setNoDelay(true);
  const document = /^\/documents\/([\w./-]+)$/.exec(request.url ?? "")?.[1];
  const scripted = document !== undefined && request.method === "GET" && state.scripts.has(`documents/${document}`);
  if (!scripted && (await serveDocument(request, response))) return;
  const body = await bodyOf(request);
  if (await control(request, body, response, state)) return;

  const { method = "", url: path = "", headers } = request;
  const model = scripted ? `documents/${document}` : modelOf(path, body);
  const seen = state.saw({ model, method, path, headers, body });
  const gone = new AbortController();
  response.on("close", () => {
    if (seen.state === "open") seen.state = response.writableFinished ? "answered" : "aborted";
    seen.aborted = seen.state === "aborted";
    gone.abort();
    state.changed();
  });
  await play(state.nextScript(model) ?? defaultSteps(seen), seen, response, state, gone.signal);
}

/** The model a request is for: a member of the body, or (Google) a part of the path; or the tool, as `tools/<name>`. */
const modelOf = (path: string, body: any): string =>
  /^\/(tools\/[\w-]+)$/.exec(path)?.[1] ??
  (typeof body?.model === "string" ? body.model : decodeURIComponent(/\/models\/([^:?]+)/.exec(path)?.[1] ?? ""));

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString();
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
