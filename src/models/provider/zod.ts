/**
 * What the providers' packages take from `zod/v4`, member by member; wrangler.toml puts it in that module's place. They
 * import it as one object, which no bundler can take apart, and with it come the error messages of fifty languages:
 * a fifth of the Worker. A test compares this list with the packages as installed.
 */
import {
  any,
  array,
  boolean,
  coerce,
  discriminatedUnion,
  enum as enumeration,
  intersection,
  json,
  lazy,
  literal,
  looseObject,
  never,
  null as nothing,
  number,
  object,
  partialRecord,
  record,
  strictObject,
  string,
  tuple,
  union,
  unknown,
} from "zod";

export { safeParseAsync } from "zod";

export const z = {
  any,
  array,
  boolean,
  coerce,
  discriminatedUnion,
  enum: enumeration,
  intersection,
  json,
  lazy,
  literal,
  looseObject,
  never,
  null: nothing,
  number,
  object,
  partialRecord,
  record,
  strictObject,
  string,
  tuple,
  union,
  unknown,
};
