/**
 * A member that may be left out of a body may also be null, which is the same: clients with typed models send every member
 * that they know. Not where null is a value of its own, and not in PATCH, where it could be meant to clear something.
 */
import * as z from "zod";

/** Whether null is the same as left out in a request with this method. */
export const takesNulls = (method: string): boolean => method === "post" || method === "put";

/** True for a member of a schema that may be left out and has no null among its values. */
export const isLeftOutByNull = (member: z.ZodType): member is z.ZodOptional | z.ZodDefault =>
  (member instanceof z.ZodOptional || member instanceof z.ZodDefault) && !member.safeParse(null).success;

/** Names of the members of an object that null leaves out; of a union, those of all its alternatives. */
export function nullMembers(schema: z.ZodType): string[] {
  if (schema instanceof z.ZodUnion) return schema.options.flatMap((one) => nullMembers(one as z.ZodType));
  if (!(schema instanceof z.ZodObject)) return [];
  const members = Object.entries(schema.shape) as [string, z.ZodType][];
  return members.flatMap(([name, member]) => (isLeftOutByNull(member) ? [name] : []));
}

/** The parsed body without those members that are null. */
export function withoutNulls(value: unknown, names: readonly string[]): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  const members = Object.entries(value);
  const kept = members.filter(([name, member]) => member !== null || !names.includes(name));
  return kept.length === members.length ? value : Object.fromEntries(kept);
}
