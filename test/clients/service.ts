/** The running service as a test prepares and inspects it; what a client sees, it finds out for itself. */
import { inject } from "vitest";
import { type Step, upstream } from "../upstream/client.ts";

export { complete } from "../upstream/client.ts";

type Running = {
  /** Of the service, without a trailing slash. */
  url: string;
  /** Of the upstream that agents of the model `openai-compatible/…` ask. */
  upstream: string;
  /** A token of an admin. */
  token: string;
  /** Halves of an API key that may read and write. */
  key: { api_key: string; api_secret: string };
};

declare module "vitest" {
  interface ProvidedContext {
    running: Running;
  }
}

export type WireMessage = {
  id: string;
  turn_id: string;
  sequence: number;
  role: "user" | "assistant";
  content: string;
  status: string;
  metadata: Record<string, unknown>;
};

const running = inject("running");

const { url } = running;
export const { key } = running;
/** Base URL of the API, as a client takes it. */
export const api = `${url}/v1`;
export const up = upstream(running.upstream);

/** An API key as the one string that OpenAI's clients take. */
export const apiKey = `${key.api_key}:${key.api_secret}`;

/** A request of an admin; throws when it is refused. */
export async function call(method: string, path: string, body?: object, headers: Record<string, string> = admin) {
  const response = await fetch(api + path, {
    method,
    headers: { ...headers, ...(body === undefined ? {} : { "content-type": "application/json" }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${JSON.stringify(answer)}`);
  return answer as any;
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
/** Headers of an admin. */
export const admin: Record<string, string> = bearer(running.token);

/** A token of a new visitor, or of a new user of the company. */
export async function newToken(entity_type: "lead" | "user"): Promise<string> {
  const headers = { "x-api-key": key.api_key, "x-api-secret": key.api_secret };
  const external_id = crypto.randomUUID();
  return (await call("POST", "/auth/token", { entity_type, external_id }, headers)).access_token;
}

/** A new agent. `model` is `builtin/…`, or a name that nobody else has, of a model that follows `scripts`. */
export async function newAgent(model: string, scripts: Step[][] = [], fields: object = {}): Promise<string> {
  if (scripts.length > 0) await up.script(model, ...scripts);
  const name = model.startsWith("builtin/") ? model : `openai-compatible/${model}`;
  return (await call("POST", "/agent", { name: model, model: name, ...fields })).agent.id;
}

export const newConversation = async (agent_id: string, token: string): Promise<string> =>
  (await call("POST", "/conversation", { agent_id }, bearer(token))).conversation.id;

export const history = async (conversation_id: string): Promise<WireMessage[]> =>
  (await call("GET", `/conversation/${conversation_id}/messages?per_page=100`)).messages;

/** Of each message its role, status and text. */
export const spoken = async (conversation_id: string): Promise<string[][]> =>
  (await history(conversation_id)).map(({ role, status, content }) => [role, status, content]);

export const conversationsWith = async (agent_id: string): Promise<{ id: string; message_count: number }[]> =>
  (await call("GET", `/conversation/agent/${agent_id}`)).conversations;

export const stop = (conversation_id: string): Promise<unknown> =>
  call("POST", `/conversation/${conversation_id}/chat/stop`);

/** Resolves when the turn that runs, if one does, has ended: its own stream says so. */
export async function settled(conversation_id: string): Promise<void> {
  const response = await fetch(`${api}/conversation/${conversation_id}/chat/stream`, { headers: admin });
  await response.text();
}
