/** Every error a client sees is one of these, as a problem document (RFC 9457). Nothing else leaves as an error. */
const CODES = {
  malformed_request: [400, "Malformed request"],
  malformed_json: [400, "Malformed JSON"],
  invalid_cursor: [400, "Invalid cursor"],
  unauthorized: [401, "Authentication required"],
  forbidden: [403, "Not allowed"],
  origin_not_allowed: [403, "Origin not allowed"],
  /** One body for whatever is unknown, malformed, deleted or somebody else's: it must not tell which. */
  not_found: [404, "Not found", "There is nothing here that this credential can see."],
  method_not_allowed: [405, "Method not allowed"],
  conflict: [409, "Conflict"],
  agent_inactive: [409, "Agent is not active", "The agent is paused: make it active, or choose another one."],
  turn_in_progress: [
    409,
    "A turn is in progress",
    "Wait for it, or send the message with on_busy enqueue or interrupt.",
  ],
  no_turn_running: [409, "No turn is running", "It has ended already, or it is another one than turn_id says."],
  turn_stopped: [409, "The turn was stopped before it began", "No model was asked. Send the message again."],
  legal_hold: [409, "Under legal hold", "Take the hold of the conversation or the person away first."],
  message_deleted: [409, "A message of this turn has been deleted", "So its answer is not given again."],
  budget_unpriced: [409, "The model has no price"],
  payload_too_large: [413, "Body too large"],
  uri_too_long: [414, "Query too long"],
  unsupported_media_type: [415, "Unsupported media type"],
  validation_failed: [422, "Validation failed"],
  idempotency_mismatch: [
    422,
    "Idempotency key was used with another body",
    "Use a new key for a new request, and the same body to repeat one.",
  ],
  rate_limited: [429, "Too many requests"],
  turn_queue_full: [
    429,
    "Too many turns are waiting",
    "Sixteen messages wait already. Retry-After says when to come again.",
  ],
  budget_exhausted: [429, "The budget is used up"],
  internal_error: [500, "Internal error"],
  model_error: [502, "The model failed"],
  output_invalid: [502, "The reply does not fit its schema"],
  identity_provider_unavailable: [503, "The identity provider cannot be reached", "Send the same request again later."],
  model_unavailable: [503, "The model is unavailable"],
  store_unavailable: [503, "The store is unavailable"],
  model_timeout: [504, "The model took too long"],
} as const satisfies Record<string, readonly [status: number, title: string, detail?: string]>;

export type ProblemCode = keyof typeof CODES;

/** One member that is wrong: a JSON Pointer into the body, or the name of a parameter. */
export type FieldError = { path: string; message: string };

/** What went wrong, without HTTP: also what crosses Durable Object RPC, where error classes do not survive. */
export type ProblemDetails = {
  code: ProblemCode;
  detail?: string;
  errors?: FieldError[];
  /** Seconds; becomes Retry-After. */
  retry_after?: number;
  /** What was reached: so much in a window of seconds, or at a time; becomes RateLimit and RateLimit-Policy. */
  limit?: { name: string; quota: number; window?: number };
  /** Further members of the document, such as turn_id. */
  extra?: Record<string, string>;
  /** Further headers, such as Allow. */
  headers?: Record<string, string>;
};

/** Outcome of anything whose caller must decide; the only shape that crosses RPC. */
export type Result<T> = { ok: true; value: T } | { ok: false; error: ProblemDetails };

/** Thrown at the HTTP edge only; the app's error handler turns it into the document. */
export class Problem extends Error {
  readonly details: ProblemDetails;
  constructor(code: ProblemCode, detail?: string, rest: Omit<ProblemDetails, "code" | "detail"> = {}) {
    super(detail ?? code);
    this.details = { code, ...(detail === undefined ? {} : { detail }), ...rest };
  }
}

/** The value of a result, or its error thrown as a Problem. */
export function unwrap<T>(result: Result<T>): T {
  if (result.ok) return result.value;
  const { code, detail, ...rest } = result.error;
  throw new Problem(code, detail, rest);
}

export const notFound = () => new Problem("not_found");

/** One or several members of an otherwise well-formed request are not acceptable: 422. Their names may be no Unicode text. */
export const invalid = (...found: FieldError[]) => {
  const errors = found.map(({ path, message }) => ({ path: path.toWellFormed(), message: message.toWellFormed() }));
  const first = errors[0];
  return new Problem("validation_failed", first && `${first.path || "body"}: ${first.message}`, { errors });
};

export const statusOf = (code: ProblemCode): number => CODES[code][0];

/** The document of RFC 9457 with this API's extension members; `error`, `message`, `error_code` are aliases. */
export function problemDocument(details: ProblemDetails, origin: string, requestId: string) {
  const [status, title, usual = title] = CODES[details.code];
  const detail = details.detail ?? usual;
  return {
    type: `${origin}/errors/${details.code}`,
    title,
    status,
    detail,
    code: details.code,
    request_id: requestId,
    ...details.extra,
    errors: details.errors ?? [],
    error: title,
    message: detail,
    error_code: details.code,
  };
}

/** Every code with its status and title, for the documentation. */
export const problemCodes = () =>
  Object.entries(CODES).map(([code, [status, title]]) => ({ code: code as ProblemCode, status, title }));
