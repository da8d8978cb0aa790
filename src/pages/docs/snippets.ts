/** A request as code, for the tabs of Swagger UI, which itself knows curl only. */
import type { SnippetRequest } from "./example.ts";

/** An Immutable map of a request. */
type RequestMap = { toJS: () => SnippetRequest };

/** Of names that several lines have in common. */
const indented = (text: string, by: string) => text.replaceAll("\n", `\n${by}`);

export function typescript(request: RequestMap): string {
  const { url, method, headers, body } = request.toJS();
  const options = [
    `method: ${JSON.stringify(method)},`,
    ...(Object.keys(headers).length > 0 ? [`headers: ${indented(JSON.stringify(headers, null, 2), "  ")},`] : []),
    ...(body === undefined ? [] : [`body: JSON.stringify(${indented(pretty(body), "  ")}),`]),
  ];
  return `const response = await fetch(${JSON.stringify(url)}, {
  ${options.join("\n  ")}
});
if (!response.ok) throw new Error(await response.text());
const answer: unknown = await response.json();`;
}

export function python(request: RequestMap): string {
  const { url, method, headers, body } = request.toJS();
  const options = [
    JSON.stringify(url),
    ...(Object.keys(headers).length > 0 ? [`headers=${indented(literal(headers), "    ")}`] : []),
    ...(body === undefined ? [] : [`json=${indented(literal(JSON.parse(body)), "    ")}`]),
  ];
  return `import requests

response = requests.${method.toLowerCase()}(
    ${options.join(",\n    ")},
)
response.raise_for_status()
answer = response.json()`;
}

const pretty = (json: string) => JSON.stringify(JSON.parse(json), null, 2);

/** A JSON value as Python writes it. */
function literal(value: unknown): string {
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value !== "object") return JSON.stringify(value);
  const inner = Array.isArray(value)
    ? value.map(literal)
    : Object.entries(value).map(([name, member]) => `${JSON.stringify(name)}: ${literal(member)}`);
  const [begin, end] = Array.isArray(value) ? ["[", "]"] : ["{", "}"];
  if (inner.length === 0) return begin + end;
  return `${begin}\n${inner.map((one) => `    ${indented(one, "    ")},`).join("\n")}\n${end}`;
}
