/**
 * app/api/chat/route.ts of a Next.js site whose customers are signed in: the API key stays on the server. On the page:
 * `useChat({ id: conversationId, transport: new DefaultChatTransport({ api: "/api/chat" }) })`.
 */
import { customerOf } from "./auth";

const { CONVERSATIONS_API: api = "", CONVERSATIONS_KEY: key = "", CONVERSATIONS_SECRET: secret = "" } = process.env;

/** One turn, streamed through. A customer's token sees that customer's conversations and no others, whatever id a page sends. */
export async function POST(request: Request): Promise<Response> {
  const customer = await customerOf(request);
  if (!customer) return new Response("Sign in first.", { status: 401 });
  const { id, ...body } = await request.json();
  const answer = await fetch(`${api}/conversation/${encodeURIComponent(id)}/chat`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${await tokenOf(customer.id)}` },
    body: JSON.stringify(body),
  });
  const headers = new Headers();
  for (const name of ["content-type", "retry-after", "x-vercel-ai-ui-message-stream"]) {
    const value = answer.headers.get(name);
    if (value !== null) headers.set(name, value);
  }
  return new Response(answer.body, { status: answer.status, headers });
}

async function tokenOf(external_id: string): Promise<string> {
  const response = await fetch(`${api}/auth/token`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-api-key": key, "x-api-secret": secret },
    body: JSON.stringify({ entity_type: "lead", external_id, expires_in: 300 }),
  });
  if (!response.ok) throw new Error(`No token: ${response.status}`);
  return (await response.json()).access_token;
}
