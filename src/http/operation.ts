/** A JSON response, as a route declares it. What follows for the OpenAPI document is in src/openapi. */
import type * as z from "zod";

export const json = (description: string, schema: z.ZodType) => ({
  description,
  content: { "application/json": { schema } },
});
