/**
 * A streaming tail worker: hears the spans of every invocation of the Worker from the runtime, the platform's and ours, and
 * sends them on as OTLP over HTTP, in JSON (OpenTelemetry Protocol 1.x).
 */
export default {
  tailStream(onset, env) {
    const spans = new Map();
    const open = ({ spanContext, timestamp, event }, name) => {
      const { traceId, spanId: parentSpanId = "" } = spanContext;
      spans.set(event.spanId, { traceId, spanId: event.spanId, parentSpanId, name, kind: 1, attributes: [] });
      spans.get(event.spanId).startTimeUnixNano = nanoseconds(timestamp);
    };
    const close = (id, timestamp) => {
      const span = spans.get(id);
      if (span) span.endTimeUnixNano ??= nanoseconds(timestamp);
    };
    open(onset, onset.event.info.type);
    const root = onset.event.spanId;
    return {
      spanOpen: (it) => open(it, it.event.name),
      attributes: ({ spanContext, event }) => {
        spans.get(spanContext.spanId)?.attributes.push(...event.info.map(({ name, value }) => keyValue(name, value)));
      },
      spanClose: ({ spanContext, timestamp }) => close(spanContext.spanId, timestamp),
      outcome: async ({ timestamp }) => {
        for (const id of spans.keys()) close(id, timestamp);
        close(root, timestamp);
        const scopeSpans = [{ scope: { name: "workers" }, spans: [...spans.values()] }];
        const resource = { attributes: [keyValue("service.name", "conversations-api")] };
        await fetch(`${env.OTLP_ENDPOINT}/v1/traces`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ resourceSpans: [{ resource, scopeSpans }] }),
        });
      },
    };
  },
};

const nanoseconds = (timestamp) => `${Number(timestamp)}000000`;

function keyValue(key, value) {
  if (typeof value === "boolean") return { key, value: { boolValue: value } };
  if (typeof value === "bigint" || Number.isInteger(value)) return { key, value: { intValue: String(value) } };
  if (typeof value === "number") return { key, value: { doubleValue: value } };
  return { key, value: { stringValue: String(value) } };
}
