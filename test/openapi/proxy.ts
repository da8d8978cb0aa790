/**
 * A validating proxy in front of a service: what its OpenAPI document does not say is a 500 that says so, instead of the answer.
 * Streams pass as they come, after a look at their status and headers.
 */
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { Answers } from "./answers.ts";

export type Proxy = { url: string; close: () => Promise<void> };

/** `service` is an origin. */
export async function startProxy(service: string, document: object): Promise<Proxy> {
  const answers = new Answers(document);
  const server = createServer((incoming, outgoing) => {
    forward(service, answers, incoming, outgoing).catch((error: unknown) => outgoing.destroy(error as Error));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function forward(service: string, answers: Answers, incoming: IncomingMessage, outgoing: ServerResponse) {
  const { method = "GET", url: path = "/", headers } = incoming;
  const sent = await buffer(incoming);
  const upstream = request(service + path, { method, headers });
  // Whoever goes away from the proxy goes away from the service.
  outgoing.once("close", () => outgoing.writableFinished || upstream.destroy());
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    upstream.once("response", resolve).once("error", reject).end(sent);
  });
  const { statusCode: status = 0 } = answer;
  const whole = isStream(answer) ? undefined : await buffer(answer);
  const exchange = { method, path, sent: parsed(sent), status, headers: headersOf(answer) };
  const differences = answers.differences({ ...exchange, body: whole && (parsed(whole) ?? whole.toString()) });
  if (differences.length > 0) {
    const message = `${method} ${path} ${status}: ${differences.join("; ")}`;
    console.error(`Outside the OpenAPI document: ${message}`);
    outgoing.writeHead(500, { "content-type": "text/plain" }).end(message);
    return;
  }
  outgoing.writeHead(status, answer.rawHeaders);
  if (whole) outgoing.end(whole);
  else answer.pipe(outgoing);
}

const isStream = ({ headers }: IncomingMessage) => (headers["content-type"] ?? "").startsWith("text/event-stream");

const headersOf = ({ headers }: IncomingMessage) =>
  new Headers(Object.entries(headers).map(([name, value]): [string, string] => [name, String(value)]));

/** The JSON value; undefined for what is none. */
function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString());
  } catch {
    return undefined;
  }
}
