/**
 * JSON Schema as far as tools need it: whether something is one, and whether arguments keep to what of it is checked here
 * (types, required members, choices). What is not understood is not refused: the tool itself decides. Pure.
 */
import type { Json, JsonObject } from "../json.ts";

/** `path` leads from the whole to the member that is meant. */
export type Mismatch = { path: (string | number)[]; message: string };

const TYPES = ["object", "array", "string", "number", "integer", "boolean", "null"];

/** Keywords whose value is a schema, a list of them, or an object of them. */
const NESTED = ["additionalProperties", "contains", "else", "if", "items", "not", "propertyNames", "then"];
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
function nestedIn(keyword: string, value: Json): [Mismatch["path"], Json][] {
  if (Array.isArray(value) && (NESTED_LISTS.includes(keyword) || keyword === "items")) {
    return value.map((schema, index) => [[index], schema]);
  }
  if (NESTED.includes(keyword)) return [[[], value]];
  if (!NESTED_MAPS.includes(keyword) || !isObject(value)) return [];
  return Object.entries(value).map(([name, schema]) => [[name], schema]);
}

/** Where and how `value` does not keep to `schema`; null when nothing was found. */
export function mismatch(schema: Json | undefined, value: Json, path: Mismatch["path"] = []): Mismatch | null {
  if (!isObject(schema)) return null;
  const { type, enum: choices, required, properties, additionalProperties, items } = schema;
  const types = Array.isArray(type) ? type : [type];
  if (type !== undefined && !types.some((one) => isOfType(one, value))) {
    return { path, message: `must be of type ${types.join(" or ")}` };
  }
  if (Array.isArray(choices) && !choices.some((choice) => sameJson(choice, value))) {
    return { path, message: `must be one of ${JSON.stringify(choices)}` };
  }
  if ("const" in schema && !sameJson(schema["const"], value)) {
    return { path, message: `must be ${JSON.stringify(schema["const"])}` };
  }
  if (Array.isArray(value)) {
    return Array.isArray(items)
      ? null
      : firstOf(value.entries(), ([index, item]) => mismatch(items, item, [...path, index]));
  }
  if (!isObject(value)) return null;
  const missing = (Array.isArray(required) ? required : []).find((name) => !Object.hasOwn(value, String(name)));
  if (missing !== undefined) return { path: [...path, String(missing)], message: "is required" };
  const known = isObject(properties) ? properties : {};
  return firstOf(Object.entries(value), ([name, member]) => {
    const here = [...path, name];
    if (Object.hasOwn(known, name)) return mismatch(known[name], member, here);
    const closed = additionalProperties === false && !("patternProperties" in schema);
    return closed ? { path: here, message: "is not known" } : null;
  });
}

function isOfType(type: Json | undefined, value: Json): boolean {
  if (type === "array") return Array.isArray(value);
  if (type === "null") return value === null;
  if (type === "object") return isObject(value);
  return type === "integer" ? Number.isInteger(value) : typeof value === type;
}

/** The order of an object's members does not count. */
function sameJson(one: Json | undefined, other: Json | undefined): boolean {
  if (Array.isArray(one) && Array.isArray(other)) {
    return one.length === other.length && one.every((item, index) => sameJson(item, other[index]));
  }
  if (!isObject(one) || !isObject(other)) return one === other;
  const names = Object.keys(one);
  return (
    names.length === Object.keys(other).length &&
    names.every((name) => Object.hasOwn(other, name) && sameJson(one[name], other[name]))
  );
}

function firstOf<T>(items: Iterable<T>, find: (item: T) => Mismatch | null): Mismatch | null {
  for (const item of items) {
    const found = find(item);
    if (found) return found;
  }
  return null;
}
