/** A member that is the JSON Schema of an object. */
import * as z from "zod";
import { holdsInexact } from "../http/exact-number.ts";
import type { Json, JsonObject } from "../json.ts";
import { schemaProblem } from "../models/json-schema.ts";

/** Bytes once serialised. */
const MAX_BYTES = 16 * 1024;

export const jsonSchema = (description: string, example: JsonObject) =>
  z
    .custom<JsonObject>()
    .superRefine((value, context) => {
      const inexact = holdsInexact(value);
      const problem = inexact ? { path: [], message: inexact } : schemaProblem(value as Json);
      if (problem) context.addIssue({ code: "custom", path: problem.path, message: problem.message });
      else if (new TextEncoder().encode(JSON.stringify(value)).length > MAX_BYTES) {
        context.addIssue({ code: "custom", message: `must be at most ${MAX_BYTES} bytes when serialised` });
      }
    })
    .meta({ type: "object", additionalProperties: true, description, example });
