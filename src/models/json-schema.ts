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

/** Schemas within schemas. */
const MAX_DEPTH = 32;

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** What makes `value` no JSON Schema of an object, as a tool's parameters have to be; null when it is one. */
export function schemaProblem(value: Json): Mismatch | null {
  if (!isObject(value) || value["type"] !== "object") return { path: ["type"], message: 'must be "object"' };
  return problemWithin(value, [], 0);
}

function problemWithin(schema: Json, path: Mismatch["path"], depth: number): Mismatch | null {
  if (typeof schema === "boolean") return null;
  if (!isObject(schema)) return { path, message: "must be a JSON Schema: an object or a boolean" };
  if (depth === MAX_DEPTH) return { path, message: `must not be nested deeper than ${MAX_DEPTH}` };
  for (const [keyword, value] of Object.entries(schema)) {
    const here = [...path, keyword];
    const message = keywordProblem(keyword, value);
    if (message !== null) return { path: here, message };
    for (const [at, nested] of nestedIn(keyword, value)) {
      const problem = problemWithin(nested, [...here, ...at], depth + 1);
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
  if (NESTED_MAPS.includes(keyword)) return isObject(value) ? null : "must be an object of schemas";
  return null;
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
