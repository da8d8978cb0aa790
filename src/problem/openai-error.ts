/** Problems in the form that clients of OpenAI's API read: a member `error` that is an object. Pure. */
import type { problemDocument } from "./problem.ts";

type ProblemDocument = ReturnType<typeof problemDocument>;

export type OpenAiError = { message: string; type: string; code: string; param: string | null };

/** The error object of a problem; `param` is the first member that is wrong, as in `messages[0].content`. */
export function openAiError({ status, detail, code, errors }: ProblemDocument): OpenAiError {
  return { message: detail, type: typeOf(status), code, param: paramOf(errors[0]?.path) };
}

/** The problem document with that object in place of the title. */
export const inOpenAiForm = (document: ProblemDocument) => ({ ...document, error: openAiError(document) });

/**
 * The header that OpenAI's clients obey when they decide whether to send a request again. By themselves they repeat
 * every 409 and 429; ours of the first kind stay what they are, and a budget is used up until its period ends.
 */
export const retryAdvice = (status: number, code: ProblemDocument["code"]): Record<string, string> =>
  status === 409 || code === "budget_exhausted" ? { "x-should-retry": "false" } : {};

function typeOf(status: number): string {
  if (status === 401) return "authentication_error";
  if (status === 403) return "permission_error";
  if (status === 429) return "rate_limit_error";
  return status >= 500 ? "server_error" : "invalid_request_error";
}

/** A JSON Pointer as a path with dots and brackets. */
function paramOf(pointer: string | undefined): string | null {
  if (pointer === undefined) return null;
  const parts = pointer.split("/").slice(1);
  const path = parts.map((part) => (/^\d+$/.test(part) ? `[${part}]` : `.${part}`)).join("");
  return path.replace(/^\./, "") || null;
}
