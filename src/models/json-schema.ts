/** What a JSON Schema is: whether something is one of an object, and which schemas it is made of. Pure. */
import type { Json, JsonObject } from "../json.ts";

/** `path` leads from the whole to the member that is meant. */
export type Mismatch = { path: (string | number)[]; message: string };

const TYPES = ["object", "array", "string", "number", "integer", "boolean", "null"];

/** Keywords whose value is a schema, a list of them, or an object of them. */
const NESTED = ["additionalProperties", "contains", "else", "if", "items", "not", "propertyNames", "then"].concat([
  "unevaluatedItems",
  "unevaluatedProperties",
]);
const NESTED_LISTS = ["allOf", "anyOf", "oneOf", "prefixItems"];
const NESTED_MAPS = ["$defs", "definitions", "dependentSchemas", "patternProperties", "properties"];

/** Keywords whose schemas are held against the same value as the schema that has them. */
const SAME_VALUE = ["allOf", "anyOf", "dependentSchemas", "else", "if", "not", "oneOf", "then"];

const NUMBERS = ["exclusiveMaximum", "exclusiveMinimum", "maximum", "minimum", "multipleOf"];
const COUNTS = ["maxContains", "maxItems", "maxLength", "maxProperties"].concat([
  ...["minContains", "minItems", "minLength", "minProperties"],
]);

/** Schemas within schemas. */
const MAX_DEPTH = 32;

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The schemas that were found, each with those that are held against the same value; and where references lead. */
type Found = { schemas: Map<string, string[]>; references: { path: Mismatch["path"]; from: string; to: string }[] };

/** What makes `value` no JSON Schema of an object, as a tool's parameters have to be; null when it is one. */
export function schemaProblem(value: Json): Mismatch | null {
  if (!isObject(value) || value["type"] !== "object") return { path: ["type"], message: 'must be "object"' };
  const found: Found = { schemas: new Map(), references: [] };
  return problemWithin(value, [], 0, found) ?? referenceProblem(found);
}

function referenceProblem({ schemas, references }: Found): Mismatch | null {
  for (const { path, from, to } of references) {
    if (!schemas.has(to))
      return { path, message: "must be the JSON Pointer of a schema in this one, such as #/$defs/a" };
    const reached = new Set([to]);
    for (const at of reached) for (const next of schemas.get(at) ?? []) reached.add(next);
    if (reached.has(from)) return { path, message: "leads back to itself" };
  }
  return null;
}

/** As references name a place: a JSON Pointer in a fragment (RFC 6901, section 6), its escapes of URIs undone. */
const pointerOf = (path: Mismatch["path"]) =>
  ["#", ...path.map((part) => String(part).replaceAll("~", "~0").replaceAll("/", "~1"))].join("/");

function decoded(reference: string): string {
  try {
    return decodeURIComponent(reference);
  } catch {
    return reference;
  }
}

function problemWithin(schema: Json, path: Mismatch["path"], depth: number, found: Found): Mismatch | null {
  const from = pointerOf(path);
  const same: string[] = [];
  found.schemas.set(from, same);
  if (typeof schema === "boolean") return null;
  if (!isObject(schema)) return { path, message: "must be a JSON Schema: an object or a boolean" };
  if (depth === MAX_DEPTH) return { path, message: `must not be nested deeper than ${MAX_DEPTH}` };
  for (const [keyword, value] of Object.entries(schema)) {
    const here = [...path, keyword];
    const message = keywordProblem(keyword, value);
    if (message !== null) return { path: here, message };
    if (keyword === "$ref") {
      const to = decoded(String(value));
      same.push(to);
      found.references.push({ path: here, from, to });
    }
    for (const [at, nested] of nestedIn(keyword, value)) {
      const within = [...here, ...at];
      if (SAME_VALUE.includes(keyword)) same.push(pointerOf(within));
      const problem = problemWithin(nested, within, depth + 1, found);
      if (problem) return problem;
    }
  }
  return null;
}

function keywordProblem(keyword: string, value: Json): string | null {
  if (keyword === "type") {
    const types = Array.isArray(value) ? value : [value];
    return types.length > 0 && types.every((type) => TYPES.includes(type as string))
      ? null
      : `must be of ${TYPES.join(", ")}`;
  }
  if (keyword === "required") return isListOfStrings(value) ? null : "must be a list of names";
  if (keyword === "enum") return Array.isArray(value) && value.length > 0 ? null : "must be a list that is not empty";
  if (keyword === "$ref")
    return typeof value === "string" && value.startsWith("#") ? null : "must stay within the schema";
  if (NESTED_LISTS.includes(keyword))
    return Array.isArray(value) && value.length > 0 ? null : "must be a list of schemas";
  if (keyword === "patternProperties" && isObject(value) && !Object.keys(value).every(isRegex))
    return "must have regular expressions as names";
  if (NESTED_MAPS.includes(keyword)) return isObject(value) ? null : "must be an object of schemas";
  if (NUMBERS.includes(keyword)) return typeof value === "number" ? null : "must be a number";
  if (COUNTS.includes(keyword))
    return Number.isInteger(value) && Number(value) >= 0 ? null : "must be a whole number, not below 0";
  if (keyword === "pattern") return isRegex(value) ? null : "must be a regular expression";
  return null;
}

/** In either spelling of ECMA-262: not everybody writes for the mode that JSON Schema asks for. */
const isRegex = (value: Json) => typeof value === "string" && ["u", ""].some((flags) => compiles(value, flags));

function compiles(pattern: string, flags: string): boolean {
  try {
    return new RegExp(pattern, flags) instanceof RegExp;
  } catch {
    return false;
  }
}

const isListOfStrings = (value: Json) => Array.isArray(value) && value.every((item) => typeof item === "string");

/** The schemas that a keyword brings, each with its place below the keyword. */
export function nestedIn(keyword: string, value: Json): [Mismatch["path"], Json][] {
  if (Array.isArray(value) && (NESTED_LISTS.includes(keyword) || keyword === "items")) {
    return value.map((schema, index) => [[index], schema]);
  }
  if (NESTED.includes(keyword)) return [[[], value]];
  if (!NESTED_MAPS.includes(keyword) || !isObject(value)) return [];
  return Object.entries(value).map(([name, schema]) => [[name], schema]);
}
