/** A problem as an HTTP response. */
import { inOpenAiForm, retryAdvice } from "./openai-error.ts";
import { type ProblemDetails, problemDocument, statusOf } from "./problem.ts";

/** Whose clients a route speaks to, where it is not this API's own. */
export type Dialect = "openai";

/** The document as a response, with the headers its status calls for. */
export function problemResponse(
  details: ProblemDetails,
  origin: string,
  requestId: string,
  dialect?: Dialect,
): Response {
  const status = statusOf(details.code);
  const advice = dialect === "openai" ? retryAdvice(status, details.code) : {};
  const headers = new Headers({
    ...{ "content-type": "application/problem+json", "x-request-id": requestId, "cache-control": "no-store" },
    ...advice,
    ...details.headers,
  });
  if (details.retry_after !== undefined) headers.set("retry-after", String(waitOf(details.code, details.retry_after)));
  if (details.limit) {
    const { name, quota, window } = details.limit;
    headers.set("ratelimit-policy", `"${name}";q=${quota}${window === undefined ? "" : `;w=${window}`}`);
    headers.set("ratelimit", `"${name}";r=0;t=${details.retry_after ?? 1}`);
  }
  const document = problemDocument(details, origin, requestId);
  return new Response(JSON.stringify(dialect === "openai" ? inOpenAiForm(document) : document), { status, headers });
}

/** A budget begins anew at a moment that everybody is told; up to a day later would be too late. */
const waitOf = (code: ProblemDetails["code"], seconds: number) =>
  code === "budget_exhausted" ? Math.max(1, Math.ceil(seconds)) : spread(seconds);

/** At least so many seconds, and up to half as many more: those who were refused together do not come back together. */
const spread = (seconds: number) => {
  const least = Math.max(1, Math.ceil(seconds));
  return least + Math.floor(Math.random() * (least / 2 + 1));
};
