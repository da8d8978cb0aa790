/** A receiver of traces: OTLP over HTTP in JSON. What does not fit the protocol is answered 400 and remembered. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import * as z from "zod";

const keyValue = z.strictObject({
  key: z.string().min(1),
  value: z.union([
    z.strictObject({ stringValue: z.string() }),
    z.strictObject({ boolValue: z.boolean() }),
    z.strictObject({ intValue: z.string().regex(/^-?\d+$/) }),
    z.strictObject({ doubleValue: z.number() }),
  ]),
});
const nano = z.string().regex(/^\d{19}$/);
const span = z.strictObject({
  traceId: z.string().regex(/^[0-9a-f]{32}$/),
  spanId: z.string().regex(/^[0-9a-f]{16}$/),
  parentSpanId: z.string().regex(/^([0-9a-f]{16})?$/),
  name: z.string().min(1),
  kind: z.int().min(0).max(5),
  startTimeUnixNano: nano,
  endTimeUnixNano: nano,
  attributes: z.array(keyValue),
});
const request = z.strictObject({
  resourceSpans: z.array(
    z.strictObject({
      resource: z.strictObject({ attributes: z.array(keyValue) }),
      scopeSpans: z.array(z.strictObject({ scope: z.strictObject({ name: z.string() }), spans: z.array(span) })),
    }),
  ),
});

/** A span as it was received, its attributes by name. */
type Span = Omit<z.output<typeof span>, "attributes"> & {
  attributes: Record<string, string | number | boolean>;
};

export async function startReceiver() {
  const spans: Span[] = [];
  const problems: string[] = [];
  const receive = async (incoming: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const parsed = request.safeParse(JSON.parse(Buffer.concat(chunks).toString()));
    if (incoming.url !== "/v1/traces" || !parsed.success) {
      problems.push(`${incoming.url}: ${parsed.error?.message}`);
      response.writeHead(400).end();
      return;
    }
    for (const { scopeSpans } of parsed.data.resourceSpans)
      for (const { attributes, ...rest } of scopeSpans.flatMap((scope) => scope.spans))
        spans.push({
          ...rest,
          attributes: Object.fromEntries(attributes.map(({ key, value }) => [key, valueOf(value)])),
        });
    response.writeHead(200, { "content-type": "application/json" }).end("{}");
  };
  const server = createServer((incoming, response) => void receive(incoming, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = () => new Promise<void>((resolve) => (server.closeAllConnections(), server.close(() => resolve())));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, spans, problems, close };
}

function valueOf(value: z.output<typeof keyValue>["value"]): string | number | boolean {
  if ("stringValue" in value) return value.stringValue;
  if ("boolValue" in value) return value.boolValue;
  return "intValue" in value ? Number(value.intValue) : value.doubleValue;
}
