/** The headers of responses: those of every operation, and those that follow from its status and parameters. */
type Response = { headers?: Record<string, unknown>; content?: Record<string, { schema?: { properties?: object } }> };
type Operation = { parameters?: unknown; responses?: object; tags?: string[]; operationId?: string };

const text = (about: string, example: string | number) => ({
  description: about,
  schema: typeof example === "number" ? { type: "integer", minimum: 0 } : { type: "string" },
  example,
});

export const HEADERS = {
  "X-Request-Id": text(
    "Names this request in our log: the one you sent, or a new one. A UUID is also noted in the audit trail.",
    "019ab2f4-6f1e-7c3a-9d3e-0a8d1c2b3a4f",
  ),
  "WWW-Authenticate": text("Which credential is wanted (RFC 6750).", 'Bearer realm="conversations"'),
  "Retry-After": text("Seconds after which another try makes sense.", 5),
  Location: text(
    "Address of what was made.",
    "https://api.example.com/v1/conversation/019ab2f4-6f1e-7c3a-9d3e-0a8d1c2b3a4f",
  ),
  Accept: text("The media type that a body may have here (RFC 9110).", "application/json"),
  "Accept-Encoding": text("The content coding that a body may have here (RFC 9110).", "identity"),
  "Preference-Applied": text("Which preference of the request was honoured (RFC 7240).", "respond-async"),
  Link: text(
    "Pages of this list (RFC 8288): `first`, `prev`, `next`, `last`.",
    '<https://api.example.com/v1/conversation?page=2>; rel="next"',
  ),
  RateLimit: text("What is left of a visitor's limit, and for how many seconds it holds.", '"lead";r=0;t=60'),
  "RateLimit-Policy": text("The limit: requests in a window of seconds.", '"lead";q=240;w=60'),
  "X-D1-Bookmark": text(
    "How far the company's database was. A later request that sends it back reads nothing older.",
    "eyJrIjpbIkRCIiwiMDAwMDAwMDEiXSwicCI6MH0",
  ),
  "X-Vercel-AI-UI-Message-Stream": text("Version of the AI SDK's stream, where the body was the AI SDK's.", "v1"),
  "X-Conversation-Id": text(
    "The conversation of the completion: send it as `conversation` to go on.",
    "019ab2f4-6f1e-7c3a-9d3e-0a8d1c2b3a4f",
  ),
  "X-Left-Aside": text("Members of the request that changed nothing.", "top_p, messages[0]"),
  "X-Should-Retry": text("`false`: tells OpenAI's clients not to send this again; not there when they may.", "false"),
  "Idempotent-Replayed": text(
    "`true` when this is the answer to an earlier request with the same Idempotency-Key.",
    "true",
  ),
};

/** Sent with a request of any operation that reads a company's database. */
export const BOOKMARK = {
  name: "X-D1-Bookmark",
  in: "header" as const,
  description:
    "The one of the latest answer: what is read is at least as recent, so a write of yours is in it. Without it a list may lag a turn by about a second.",
  schema: { type: "string" as const },
};

/** What these make is at no address of its own. */
const WITHOUT_ADDRESS = new Set([
  "post_auth_api_keys",
  "post_conversation_by_id_note",
  "post_conversation_by_id_reply",
  "post_setup",
  "post_webhook_by_id_replay",
  "post_webhook_by_id_test",
]);

/** Adds the headers of each response that the route did not declare itself, and the one that every request may have. */
export function addHeaders(method: string, operation: Operation): void {
  const parameters = (operation.parameters ?? []) as { in?: string; name?: string; $ref?: string }[];
  const idempotent = parameters.some((one) => one.in === "header" && one.name?.toLowerCase() === "idempotency-key");
  const hasDatabase = !operation.tags?.includes("Service");
  if (hasDatabase && method === "get") parameters.push({ $ref: "#/components/parameters/X-D1-Bookmark" });
  if (parameters.length > 0) operation.parameters = parameters;
  for (const [status, response] of Object.entries((operation.responses ?? {}) as Record<string, Response>)) {
    const names = ["X-Request-Id", ...headersOf(Number(status), response)];
    const made = status === "201" || (status === "200" && idempotent && "201" in (operation.responses ?? {}));
    const isMade = (method === "post" && made) || status === "202";
    if (isMade && !WITHOUT_ADDRESS.has(operation.operationId ?? "")) names.push("Location");
    if ((status === "409" || status === "429") && isForOpenAi(response)) names.push("X-Should-Retry");
    if (hasDatabase && status !== "404") names.push("X-D1-Bookmark");
    if (idempotent && status.startsWith("2")) names.push("Idempotent-Replayed");
    const added = names.map((name) => [name, { $ref: `#/components/headers/${name}` }]);
    response.headers = { ...Object.fromEntries(added), ...response.headers };
  }
}

const isForOpenAi = ({ content }: Response): boolean => JSON.stringify(content ?? {}).includes("/OpenAIProblem");

function headersOf(status: number, { content }: Response): (keyof typeof HEADERS)[] {
  if (status === 415) return ["Accept", "Accept-Encoding"];
  if (status === 401) return ["WWW-Authenticate"];
  if (status === 429) return ["Retry-After", "RateLimit", "RateLimit-Policy"];
  if (status === 503) return ["Retry-After"];
  if (status === 200 && "pagination" in (content?.["application/json"]?.schema?.properties ?? {})) return ["Link"];
  return [];
}
