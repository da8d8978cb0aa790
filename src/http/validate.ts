/** Checks values against schemas, and turns zod's issues into the `errors` of a 422. */
import type * as z from "zod";
import { invalid } from "../problem/problem.ts";

/** The parsed value. Throws 422 with an entry for every member that is wrong. */
export function check<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw invalid(...result.error.issues.flatMap((issue) => fieldErrors(issue, value)));
}

const pointer = (path: PropertyKey[]) =>
  path.map((part) => `/${String(part).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");

/** The errors of one issue in `whole`, the value that was checked. Of a union only those of the alternative that fits best. */
function fieldErrors(issue: z.core.$ZodIssue, whole: unknown): { path: string; message: string }[] {
  if (issue.code === "invalid_union" && issue.errors.length > 0) {
    const part = at(whole, issue.path);
    const nearest = issue.errors.reduce((best, errors) => (misfit(errors, part) < misfit(best, part) ? errors : best));
    return nearest.flatMap((inner) => fieldErrors({ ...inner, path: [...issue.path, ...inner.path] }, whole));
  }
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({
      path: pointer([...issue.path, key]),
      message: "is not a member of this object",
    }));
  }
  const missing = issue.code === "invalid_type" && at(whole, issue.path) === undefined;
  return [{ path: pointer(issue.path), message: missing ? "is missing" : issue.message }];
}

/** Higher is a worse fit: a missing member weighs 2, a wrong type 1. */
function misfit(issues: z.core.$ZodIssue[], value: unknown): number {
  const weigh = (issue: z.core.$ZodIssue): number => {
    const part = at(value, issue.path);
    if (issue.code === "invalid_union" && issue.errors.length > 0)
      return Math.min(...issue.errors.map((errors) => misfit(errors, part)));
    return issue.code === "invalid_type" && issue.path.length < 2 ? (part === undefined ? 2 : 1) : 0;
  };
  return issues.reduce((sum, issue) => sum + weigh(issue), 0);
}

const at = (value: unknown, path: PropertyKey[]): unknown =>
  path.reduce<unknown>((inner, key) => (inner as Record<PropertyKey, unknown> | null | undefined)?.[key], value);
