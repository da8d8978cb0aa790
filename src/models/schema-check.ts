/**
 * Whether JSON fits a JSON Schema (2020-12), by @cfworker/json-schema. Left unchecked is what could take long on a value
 * that a model wrote: `format`, `uniqueItems`, and patterns that need not be linear. What cannot be checked, or would take
 * too many steps, is not refused: references can make a small schema and a small value as many as they like.
 */
import { type Schema, Validator } from "@cfworker/json-schema";
import type { Json, JsonObject } from "../json.ts";
import { isObject, type Mismatch, nestedIn } from "./json-schema.ts";

/** Schemas that are held against parts of one value, at most: a tenth of a second. */
const MOST_STEPS = 100_000;

/** A validator, and how many more steps it may take. */
type Checker = { validator: Validator; steps: { left: number } };
const checkers = new WeakMap<JsonObject, Checker | null>();

/** Null for a schema that the validator cannot read. */
function checkerOf(schema: JsonObject): Checker | null {
  let checker = checkers.get(schema);
  if (checker === undefined) {
    const steps = { left: Infinity };
    try {
      checker = { validator: new Validator(checkable(schema, steps) as Schema, "2020-12", true), steps };
    } catch {
      checker = null;
    }
    checkers.set(schema, checker);
  }
  return checker;
}

/** Where and how `value` does not fit `schema`; null when nothing was found. */
export function mismatch(schema: JsonObject, value: Json): Mismatch | null {
  const checker = checkerOf(schema);
  if (!checker) return null;
  const { validator, steps } = checker;
  steps.left = MOST_STEPS;
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

/** The same schema without what is not checked. Each time that it is held against something is a step. */
function checkable(schema: Json, steps: Checker["steps"]): Json {
  if (!isObject(schema)) return schema;
  const { pattern, patternProperties, type, ...rest } = schema;
  const kept: JsonObject = Object.fromEntries(Object.entries(rest).filter(isChecked));
  if (typeof pattern === "string" && isLinear(pattern)) kept["pattern"] = pattern;
  if (isObject(patternProperties) && Object.keys(patternProperties).every(isLinear)) {
    kept["patternProperties"] = patternProperties;
  } else if (patternProperties !== undefined) {
    delete kept["additionalProperties"];
    delete kept["unevaluatedProperties"];
  }
  for (const [keyword, value] of Object.entries(kept)) {
    for (const [path, nested] of nestedIn(keyword, value)) {
      const [at] = path;
      const checked = checkable(nested, steps);
      if (at === undefined) kept[keyword] = checked;
      else if (Array.isArray(kept[keyword])) kept[keyword] = kept[keyword].with(Number(at), checked);
      else kept[keyword] = { ...(kept[keyword] as JsonObject), [at]: checked };
    }
  }
  // The validator asks every schema for its type, once a step.
  const get = () => {
    if (steps.left-- <= 0) throw new Error("too many steps");
    return type;
  };
  return Object.defineProperty(kept, "type", { get, enumerable: true });
}

/** Keywords of which nothing is checked: what takes long, and other names for a schema. */
const LEFT_OUT = ["$anchor", "$dynamicAnchor", "$dynamicRef", "$id", "$recursiveAnchor", "$recursiveRef"].concat([
  ...["format", "id", "uniqueItems"],
]);
/** Keywords whose lists and objects are values. Whatever else is in a schema, a reference could lead there. */
const VALUES = ["const", "dependentRequired", "enum", "required"];

const isChecked = ([keyword, value]: [string, Json]): boolean =>
  !LEFT_OUT.includes(keyword) &&
  (typeof value !== "object" || VALUES.includes(keyword) || nestedIn(keyword, value).length > 0);

/**
 * Anchored, without groups, alternatives or back references, with at most one part of any length and two of a length that
 * varies a little: what is tried in vain is tried some hundred times for each character.
 */
function isLinear(pattern: string): boolean {
  const plain = pattern.replaceAll(/\\[^1-9k]/g, "x").replaceAll(/\[[^[\]]*\]/g, "x");
  const varying = plain.match(/[*+]|\{\d+,\}/g) ?? [];
  const little = plain.match(/\?|\{\d+,\d+\}/g) ?? [];
  const spans = [...plain.matchAll(/\{(\d+)(?:,(\d+))?/g)].map(([, from, to]) => [Number(from), Number(to ?? from)]);
  const isSmall = spans.every(([from = 0, to = 0]) => to <= 1_000 && to - from <= 20);
  if (!/^\^[^()|[\\]*$/.test(plain) || varying.length > 1 || little.length > 2 || !isSmall) return false;
  try {
    return new RegExp(pattern, "u") instanceof RegExp;
  } catch {
    return false;
  }
}
