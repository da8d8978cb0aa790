/** Schemas that several resources share. A string with a lone surrogate is refused: UTF-8 cannot represent it. */
import * as z from "zod";
import { isBlank } from "../chat/ports.ts";
import type { JsonObject } from "../json.ts";
import { holdsInexact } from "./exact-number.ts";
import { lazy } from "../lazy.ts";
import { notFound } from "../problem/problem.ts";

/** Well-formed Unicode text of `min` to `max` characters (code points). */
export const text = (max: number, min = 0) =>
  z
    .string()
    .min(min)
    .max(max)
    .refine((value) => value.isWellFormed(), "contains half of a surrogate pair");

/** A label of a host name, also one that is not spelt in ASCII. */
const LABEL = "[\\p{L}\\p{N}](?:[\\p{L}\\p{M}\\p{N}-]{0,61}[\\p{L}\\p{M}\\p{N}])?";
const EMAIL = new RegExp(`^[\\p{L}\\p{M}\\p{N}.!#$%&'*+/=?^_\`{|}~-]+@(?:${LABEL}\\.)+${LABEL}$`, "u");

/**
 * An e-mail address as the fields of browsers take it (HTML, "valid e-mail address"), white space around it included, also
 * in other alphabets (RFC 6531);
 * but its host has a dot, which keeps apart what was only half typed.
 */
export const emailAddress = lazy(() =>
  z
    .string()
    .trim()
    .max(320, { abort: true })
    .refine((value) => EMAIL.test(value), "is not an e-mail address")
    .meta({ format: "idn-email", example: "ada@example.com" }),
);

/** Bytes of metadata once serialised. */
const MAX_METADATA = 16 * 1024;

/** A JSON object of at most 16 KiB serialised. It is stored unchanged. */
export const metadata = lazy(() =>
  z
    .custom<JsonObject>((value) => typeof value === "object" && value !== null && !Array.isArray(value), {
      error: "must be a JSON object",
      abort: true,
    })
    .refine((value) => holdsInexact(value) === null, {
      error: ({ input }) => holdsInexact(input) ?? "",
      abort: true,
    })
    .refine((value) => new TextEncoder().encode(JSON.stringify(value)).length <= MAX_METADATA, {
      error: `must be at most ${MAX_METADATA} bytes when serialised`,
    })
    .meta({ type: "object", additionalProperties: true, description: "A JSON object, ≤ 16 KiB serialised." }),
);

/** RFC 3339 in answers. */
export const timestamp = lazy(() => z.iso.datetime().meta({ example: "2026-11-22T07:00:00.000Z" }));

/** An object id in answers: UUIDv7 (RFC 9562). */
export const id = lazy(() => z.uuid().meta({ example: "019ab2f4-6f1e-7c3a-9d3e-0a8d1c2b3a4f" }));

/** An object of a named schema, or null. `nullable()` would make the named schema itself nullable in the OpenAPI document. */
export const orNull = <T extends z.ZodType>(schema: T) => z.union([schema, z.null()]);

/** An id in a path. Parsing anything else than a UUID throws 404, the answer to an unknown id. */
export function pathId(): () => z.ZodObject<{ id: z.ZodString }>;
export function pathId<N extends string>(name: N): () => z.ZodObject<Record<N, z.ZodString>>;
export function pathId(name = "id") {
  return () => z.object({ [name]: z.string().refine(requireId).meta({ format: "uuid" }) });
}

/** Where a date-time has the second that only a leap second has. */
const LEAP_SECOND = /(?<=T\d\d:\d\d):60(?!\d)/;

/** As JavaScript reads a date-time (RFC 3339): in capitals, and a leap second, the last of a day in UTC, as the one before. */
function readable(value: string): string {
  const written = value.toUpperCase();
  const before = written.replace(LEAP_SECOND, ":59");
  return before === written || new Date(before).toJSON()?.slice(11, 19) === "23:59:59" ? before : value;
}

const isDateTime = lazy(() => z.iso.datetime({ offset: true }));

/** A date-time (RFC 3339). */
export const dateTime = lazy(() =>
  z
    .string()
    .overwrite(readable)
    .refine((value) => isDateTime().safeParse(value).success, "Invalid ISO datetime")
    .meta({ format: "date-time" }),
);

/** A date or date-time. */
export const moment = lazy(() => z.union([dateTime(), z.iso.date()]));

/** The same as milliseconds since the epoch. */
export const instant = lazy(() =>
  moment()
    .transform((value) => Date.parse(value))
    .meta({ description: "RFC 3339 date (from its beginning in UTC) or date-time." }),
);

/** `true` or `false` in a query. */
export const flag = lazy(() =>
  z
    .enum(["true", "false"])
    .transform((value) => value === "true")
    .meta({ type: "boolean", enum: [true, false] }),
);

/** A whole number in a query, in plain decimal digits. */
export const integer = (minimum: number, maximum: number) =>
  z
    .string()
    .regex(/^\d{1,15}$/, "must be a whole number")
    .transform(Number)
    .refine((value) => value >= minimum && value <= maximum, `must be between ${minimum} and ${maximum}`)
    .meta({ type: "integer", minimum, maximum });

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Whether a string has the form of an id. If not, no look-up and no Durable Object is needed to know that it is unknown. */
export const isId = (value: string): boolean => UUID.test(value);

/** An id in a query or a body, where it is a filter: one that cannot be any is 422. */
export const idFilter = lazy(() => z.string().refine(isId, "is not an id").meta({ format: "uuid" }));

function requireId(value: string): true {
  if (!isId(value)) throw notFound();
  return true;
}

/** Milliseconds to RFC 3339 with milliseconds, in UTC. */
export const toTimestamp = (millis: number): string => new Date(millis).toISOString();
export const toTimestampOrNull = (millis: number | null): string | null =>
  millis === null ? null : toTimestamp(millis);

/** The members of a body as a response has them: never absent, because defaults are filled in. */
export const responseShape = <S extends Record<string, z.ZodType>>(shape: S): S =>
  Object.fromEntries(
    Object.entries(shape).map(([name, schema]) => {
      if (!(schema instanceof z.ZodDefault)) return [name, schema];
      const inner = schema.unwrap() as z.ZodType;
      return [name, inner.meta({ ...inner.meta(), ...schema.meta() })];
    }),
  ) as unknown as S;

/** The name of a time zone (IANA); offsets such as `+01:00` are none. */
export const timeZone = lazy(() =>
  z.string().max(64).refine(isTimeZone, "is not the name of a time zone (IANA)").meta({ example: "Europe/Berlin" }),
);

function isTimeZone(name: string): boolean {
  if (!/^[A-Za-z]/.test(name)) return false;
  try {
    return new Intl.DateTimeFormat("en", { timeZone: name }).resolvedOptions().timeZone !== "";
  } catch {
    return false;
  }
}

/** Text of 1 to `max` characters, of which at least one is not white space. */
export const visibleText = (max: number) =>
  text(max, 1).refine((value) => value === "" || !isBlank(value), "is white space only");

/** What somebody says in a conversation. */
export const messageText = lazy(() => visibleText(32_000));
