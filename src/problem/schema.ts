/** The problem document as the OpenAPI document describes it: member for member what problem.ts sends. */
import * as z from "zod";
import { problemCodes } from "./problem.ts";
import type { Dialect } from "./response.ts";
import { lazy } from "../lazy.ts";

const codes = problemCodes().map(({ code }) => code);

const fieldError = lazy(() =>
  z
    .object({
      path: z.string().meta({ description: "JSON Pointer to the member, or `/` and the name of the parameter." }),
      message: z.string(),
    })
    .meta({ id: "FieldError" }),
);

const problemSchema = lazy(() =>
  z
    .object({
      type: z.url().meta({ description: "Explains this kind of problem to people." }),
      title: z.string(),
      status: z.int().min(400).max(599),
      detail: z.string().meta({ description: "What was wrong this time." }),
      code: z.enum(codes).meta({ description: "Stable; what programs should look at." }),
      request_id: z.string().meta({ description: "Also in the header X-Request-Id; quote it when you ask for help." }),
      errors: z
        .array(fieldError())
        .meta({ description: "Every member that is wrong; empty unless the status is 422." }),
      conversation_id: z.string().optional().meta({ description: "The conversation of a turn that failed." }),
      turn_id: z.string().optional().meta({ description: "The turn that failed, where one did." }),
      message_id: z.string().optional().meta({ description: "The user's message of that turn, which is stored." }),
      resets_at: z.iso.datetime().optional().meta({ description: "Until when a budget is used up, where one is." }),
      error: z.string().meta({ description: "The same as `title`." }),
      message: z.string().meta({ description: "The same as `detail`." }),
      error_code: z.string().meta({ description: "The same as `code`." }),
    })
    .meta({ id: "Problem", description: "RFC 9457 problem document." }),
);

const openAiProblemSchema = lazy(() =>
  problemSchema()
    .extend({
      error: z
        .object({ message: z.string(), type: z.string(), code: z.enum(codes), param: z.string().nullable() })
        .meta({ description: "What clients of OpenAI's API read." }),
    })
    .meta({ id: "OpenAIProblem", description: "RFC 9457 problem document, with OpenAI's error object in it." }),
);

/** The content of a problem answer on a route of this dialect. */
export const problemContent = (dialect?: Dialect) => ({
  "application/problem+json": { schema: dialect === "openai" ? openAiProblemSchema() : problemSchema() },
});
