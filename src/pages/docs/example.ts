/** Examples made from the document: a value for a schema, and the curl command that calls an operation. */
import { type Document, resolve, type Route, type Schema } from "./document.ts";

/** A plausible value. Of an object, only what must be there (or else its first member), unless `whole`. */
export function exampleOf(document: Document, schema: Schema, whole = false, depth = 0): unknown {
  const found = resolve(document, schema);
  if (found.example !== undefined) return found.example;
  if (found.default !== undefined && whole) return found.default;
  if (found.const !== undefined) return found.const;
  if (found.enum) return found.enum[0];
  const variants = (found.oneOf ?? found.anyOf ?? found.allOf ?? []).filter((one) => one.type !== "null");
  if (variants.length > 0) return shortest(variants.map((one) => exampleOf(document, one, whole, depth)));
  const type = Array.isArray(found.type) ? found.type[0] : found.type;
  if (type === "object") return objectOf(document, found, whole, depth);
  if (type === "array") return found.items && depth < 4 ? [exampleOf(document, found.items, whole, depth + 1)] : [];
  if (type === "integer" || type === "number") return Math.max(found.minimum ?? 1, 1);
  if (type === "boolean") return true;
  return type === "null" ? null : textOf(found);
}

const shortest = (values: unknown[]): unknown => {
  const length = (value: unknown) => JSON.stringify(value).length;
  return values.reduce((best, value) => (length(value) < length(best) ? value : best));
};

function objectOf(document: Document, schema: Schema, whole: boolean, depth: number): Record<string, unknown> {
  const names = Object.keys(schema.properties ?? {});
  const required = new Set(schema.required ?? (depth === 0 ? names.slice(0, 1) : []));
  const members = Object.entries(schema.properties ?? {}).filter(
    ([name]) => depth < 4 && (whole || required.has(name)),
  );
  return Object.fromEntries(members.map(([name, member]) => [name, exampleOf(document, member, whole, depth + 1)]));
}

function textOf({ format }: Schema): string {
  if (format === "uuid") return "019ab2f4-6f1e-7c3a-9d3e-0a8d1c2b3a4f";
  if (format === "date-time") return "2026-11-22T07:00:00.000Z";
  if (format === "uri") return "https://example.com";
  if (format === "email") return "ada@example.com";
  return "…";
}

/** The operation as a command for a shell that has API_KEY, API_SECRET and the path's parameters as variables. */
export function curlOf(
  document: Document,
  { method, path, operation }: Route,
  origin: string,
  accept?: string,
): string {
  const prefix = document.servers?.[0]?.url ?? "";
  const address = path.replaceAll(/\{([^{}]+)\}/g, (_, name: string) => `$${name.toUpperCase()}`);
  const parameters = (operation.parameters ?? []).filter((one) => one.in === "query" && one.required === true);
  const query = parameters.map(({ name, schema }) => `${name}=${String(exampleOf(document, schema ?? {}))}`).join("&");
  const lines = [`curl${method === "get" ? "" : ` -X ${method.toUpperCase()}`}`];
  lines[0] += ` "${origin}${prefix}${address}${query === "" ? "" : `?${query}`}"`;
  const schemes = operation.security?.flatMap((one) => Object.keys(one)) ?? [];
  if (schemes.includes("apiKey")) lines.push('-H "X-API-Key: $API_KEY"', '-H "X-API-Secret: $API_SECRET"');
  else if (schemes.includes("bearer")) lines.push('-H "Authorization: Bearer $TOKEN"');
  if (accept !== undefined) lines.push(`-N -H "Accept: ${accept}"`);
  const body = operation.requestBody?.content["application/json"]?.schema;
  if (body && operation.requestBody?.required !== false) {
    const data = JSON.stringify(exampleOf(document, body)).replaceAll("'", "'\\''");
    lines.push('-H "Content-Type: application/json"', `-d '${data}'`);
  }
  return lines.join(" \\\n  ");
}
