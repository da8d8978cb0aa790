/** One operation, closed until somebody wants it: then its parameters, body, answers and a command to try. */
import type { Content, Document, Operation, Parameter, Route } from "./document.ts";
import { codeBlock, h, inline, prose } from "./element.ts";
import { curlOf, exampleOf } from "./example.ts";
import { memberRow, members, schemaLink } from "./schema.ts";

const AUDIENCE: Record<string, string> = {
  staff: "users and API keys",
  keys: "API keys only",
  leads: "visitors only",
  everyone: "users, API keys, visitors",
  anyone: "anybody; more with a credential",
  public: "anybody",
};

export function operationSection(document: Document, route: Route): HTMLDetailsElement {
  const { method, path, operation } = route;
  const details = h(
    "details.operation",
    { id: operation.operationId },
    h(
      "summary",
      {},
      h(`span.method.${method}`, {}, method.toUpperCase()),
      h("code.path", {}, path),
      h("span.summary", {}, operation.summary ?? ""),
    ),
  ) as HTMLDetailsElement;
  details.addEventListener("toggle", () => details.append(body(document, route)), { once: true });
  return details;
}

function body(document: Document, route: Route): HTMLElement {
  const { operation } = route;
  const audience = AUDIENCE[operation["x-audience"] ?? ""];
  const open = operation.security?.length === 0;
  return h(
    "div.body",
    {},
    operation.description !== undefined && prose(operation.description),
    h(
      "p.access",
      {},
      "For ",
      h("strong", {}, audience ?? "anybody"),
      !open && operation["x-scope"] !== undefined && [", scope ", h("code", {}, operation["x-scope"])],
    ),
    ...["path", "query", "header"].map((place) => parameters(document, operation, place)),
    requestBody(document, operation),
    h("h3", {}, "Answers"),
    ...Object.entries(operation.responses).map(([status, response]) => answer(document, status, response)),
    ...commands(document, route),
  );
}

const TITLES: Record<string, string> = { path: "Path", query: "Query", header: "Headers" };

function parameters(document: Document, { parameters: all = [] }: Operation, place: string): HTMLElement[] {
  const shown = all.filter((one) => one.in === place);
  if (shown.length === 0) return [];
  const row = ({ name, schema = {}, required = false, description }: Parameter) =>
    memberRow(document, name, description === undefined ? schema : { ...schema, description }, required, "request");
  return [h("h3", {}, TITLES[place] ?? place), h("ul.members", {}, ...shown.map(row))];
}

function requestBody(document: Document, { requestBody: request }: Operation): HTMLElement[] {
  const schema = request?.content["application/json"]?.schema;
  if (!request || !schema) return [];
  const title = request.required === false ? "Body (may be left out)" : "Body";
  return [h("h3", {}, title), h("p", {}, schemaLink(schema)), members(document, schema, "request")];
}

type Answer = { description?: string; content?: Content; headers?: Record<string, unknown> };

function answer(
  document: Document,
  status: string,
  { description = "", content = {}, headers = {} }: Answer,
): HTMLElement {
  const failed = Number(status) >= 400;
  const text = failed ? problemLinks(description) : inline(description);
  const title = [h(`span.status.s${status[0]}`, {}, status), h("span", {}, ...text)];
  const schema = content["application/json"]?.schema;
  const names = Object.keys(headers);
  if (failed) return h("p.answer", {}, ...title);
  const details = h("details.answer", {}, h("summary", {}, ...title));
  const fill = () =>
    details.append(
      h("p.media", {}, Object.keys(content).join(" · "), names.length > 0 && ` · headers ${names.join(", ")}`),
      ...(schema
        ? [
            members(document, schema, "answer"),
            codeBlock("Example", JSON.stringify(exampleOf(document, schema, true), null, 2)),
          ]
        : []),
    );
  details.addEventListener("toggle", fill, { once: true });
  return details;
}

/** The codes of a failure, each with a link to what it means. */
const problemLinks = (description: string) =>
  description
    .split(/`(\w+)`/)
    .map((piece, i) => (i % 2 === 1 ? h("a", { href: `/errors/${piece}` }, h("code", {}, piece)) : piece));

function commands(document: Document, route: Route): HTMLElement[] {
  const ok = Object.values(route.operation.responses)[0]?.content ?? {};
  const types = Object.keys(ok);
  const blocks = [];
  if (types.some((type) => type !== "text/event-stream") || types.length === 0) {
    blocks.push(codeBlock("curl", curlOf(document, route, location.origin)));
  }
  if (types.includes("text/event-stream")) {
    blocks.push(codeBlock("curl, streaming", curlOf(document, route, location.origin, "text/event-stream")));
  }
  return blocks;
}
