/** Checks values against schemas, and turns zod's issues into the `errors` of a 422. */
import type * as z from "zod";
import { causeOf } from "../db/database.ts";
import { isInexact } from "./exact-number.ts";
import { type FieldError, invalid, Problem } from "../problem/problem.ts";

/** Errors in one answer, and characters in the path of each. */
const MAX_ERRORS = 100;
const MAX_PATH = 200;

/** The parsed value. Throws 422 with an entry for every member that is wrong, at most 100. */
export function check<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
  // Whatever the schema says, zod leaves such a member out without a word.
  if (typeof value === "object" && value !== null && Object.hasOwn(value, "__proto__"))
    throw invalid({ path: "/__proto__", message: "is not a member of this object" });
  const result = parse(schema, value);
  if (result.success) return result.data;
  const issues = result.error.issues.values();
  throw invalid(...issues.flatMap((issue) => fieldErrors(issue, value)).take(MAX_ERRORS));
}

/**
 * zod compares the `length` of whatever has one, also of an object in place of a string. Some objects cannot be compared with a
 * number, such as `[{"toString": 1}]`: then a schema throws.
 */
function parse<S extends z.ZodType>(schema: S, value: unknown) {
  try {
    return schema.safeParse(value, { error: sizeError });
  } catch (error) {
    if (error instanceof Problem) throw error;
    console.error({ event: "schema_failed", error: causeOf(error) });
    throw invalid({ path: "", message: "has a member that is no value of its type" });
  }
}

const UNITS: Partial<Record<string, string>> = { string: "character", array: "item" };

/** What is wrong with a size, unless the schema has words of its own for it; anything else zod says itself. */
const sizeError: z.core.$ZodErrorMap = (issue) => {
  if (issue.code !== "too_small" && issue.code !== "too_big") return undefined;
  const size = Number(issue.code === "too_small" ? issue.minimum : issue.maximum);
  const bound = issue.exact ? "exactly" : issue.code === "too_small" ? "at least" : "at most";
  const unit = UNITS[issue.origin];
  if (unit) return `must have ${bound} ${size} ${unit}${size === 1 ? "" : "s"}`;
  return issue.origin === "number" && issue.inclusive ? `must be ${bound} ${size}` : undefined;
};

const pointer = (path: PropertyKey[]) =>
  path
    .map((part) => `/${String(part).slice(0, MAX_PATH).replaceAll("~", "~0").replaceAll("/", "~1")}`)
    .join("")
    .slice(0, MAX_PATH);

/** The errors of one issue in `whole`, the value that was checked. Of a union only those of the alternative that fits best. */
function* fieldErrors(issue: z.core.$ZodIssue, whole: unknown): Generator<FieldError> {
  if (issue.code === "invalid_union" && issue.errors.length > 0) {
    const part = at(whole, issue.path);
    const nearest = issue.errors.reduce((best, errors) => (misfit(errors, part) < misfit(best, part) ? errors : best));
    for (const inner of nearest) yield* fieldErrors({ ...inner, path: [...issue.path, ...inner.path] }, whole);
  } else if (issue.code === "unrecognized_keys") {
    for (const key of issue.keys) {
      yield { path: pointer([...issue.path, key]), message: "is not a member of this object" };
    }
  } else {
    const part = at(whole, issue.path);
    const wrong = part === undefined && issue.code === "invalid_type" ? "is missing" : isInexact(part);
    yield { path: pointer(issue.path), message: wrong ?? issue.message };
  }
}

/** Higher is a worse fit: another value than the only one that there is weighs 3, a missing member 2, a wrong type 1. */
function misfit(issues: z.core.$ZodIssue[], value: unknown): number {
  const weigh = (issue: z.core.$ZodIssue): number => {
    const part = at(value, issue.path);
    if (issue.code === "invalid_union" && issue.errors.length > 0)
      return Math.min(...issue.errors.map((errors) => misfit(errors, part)));
    if (issue.code === "invalid_value" && issue.values.length === 1 && part !== undefined) return 3;
    return issue.code === "invalid_type" && issue.path.length < 2 ? (part === undefined ? 2 : 1) : 0;
  };
  return issues.reduce((sum, issue) => sum + weigh(issue), 0);
}

const at = (value: unknown, path: PropertyKey[]): unknown =>
  path.reduce<unknown>((inner, key) => (inner as Record<PropertyKey, unknown> | null | undefined)?.[key], value);
