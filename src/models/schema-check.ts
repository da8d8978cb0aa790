/**
 * Whether JSON fits a JSON Schema (2020-12), by @cfworker/json-schema. Left unchecked is what could take long on a value
 * that a model wrote: `format`, `uniqueItems`, and patterns that need not be linear. What cannot be checked is not refused.
 */
import { type Schema, Validator } from "@cfworker/json-schema";
import type { Json, JsonObject } from "../json.ts";
import { isObject, type Mismatch, nestedIn } from "./json-schema.ts";

const validators = new WeakMap<JsonObject, Validator>();

/** Where and how `value` does not fit `schema`; null when nothing was found. */
export function mismatch(schema: JsonObject, value: Json): Mismatch | null {
  let validator = validators.get(schema);
  if (!validator) {
    validator = new Validator(checkable(schema) as Schema, "2020-12", true);
    validators.set(schema, validator);
  }
  try {
    const { valid, errors } = validator.validate(value);
    if (valid) return null;
    // The last one is the innermost; that a member must not be there at all says less than the one before it.
    const error = errors.findLast(({ keyword }) => keyword !== "false");
    return { path: pathOf(error?.instanceLocation ?? "#"), message: error?.error ?? "does not fit" };
  } catch {
    return null;
  }
}

/** The members of a JSON Pointer in a fragment (RFC 6901). */
const pathOf = (pointer: string) =>
  pointer
    .split("/")
    .slice(1)
    .map((part) => decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~"));

/** The same schema without what is not checked. */
function checkable(schema: Json): Json {
  if (!isObject(schema)) return schema;
  const { format: _, uniqueItems: __, pattern, patternProperties, ...rest } = schema;
  const kept: JsonObject = { ...rest };
  if (typeof pattern === "string" && isLinear(pattern)) kept["pattern"] = pattern;
  if (isObject(patternProperties) && Object.keys(patternProperties).every(isLinear)) {
    kept["patternProperties"] = patternProperties;
  } else if (patternProperties !== undefined) delete kept["additionalProperties"];
  for (const [keyword, value] of Object.entries(kept)) {
    for (const [path, nested] of nestedIn(keyword, value)) {
      const [at] = path;
      if (at === undefined) kept[keyword] = checkable(nested);
      else if (Array.isArray(kept[keyword])) kept[keyword] = kept[keyword].with(Number(at), checkable(nested));
      else kept[keyword] = { ...(kept[keyword] as JsonObject), [at]: checkable(nested) };
    }
  }
  return kept;
}

/** Anchored, without groups, alternatives or back references, and with at most one part of any length. */
function isLinear(pattern: string): boolean {
  const plain = pattern.replaceAll(/\\[^1-9k]/g, "x").replaceAll(/\[[^[\]]*\]/g, "x");
  if (!/^\^[^()|[\\]*$/.test(plain) || (plain.match(/[*+]|,\}/g) ?? []).length > 1) return false;
  try {
    return new RegExp(pattern, "u") instanceof RegExp;
  } catch {
    return false;
  }
}
