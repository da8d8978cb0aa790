/** A fresh company in D1 with every kind of credential, and one function to call the API with them. */
import { env, exports } from "cloudflare:workers";
import { uuidv7 } from "uuidv7";
import { api } from "../../src/app.ts";
import { newApiKey } from "../../src/auth/api-key.ts";
import type { Caller, Scope } from "../../src/auth/principal.ts";
import { mintToken, type TokenClaims } from "../../src/auth/token.ts";
import { configOf } from "../../src/config.ts";
import { insertCompany } from "../../src/db/company.ts";
import { companyDatabase } from "../../src/db/database.ts";
import { agent, lead } from "../../src/db/schema.ts";
import { lazy } from "../../src/lazy.ts";
import { openApiDocument } from "../../src/openapi/document.ts";
import { Answers } from "../openapi/answers.ts";

export type HeaderMap = Record<string, string>;

/** `body` is sent as JSON unless it is a string or bytes, which go out as they are. */
export type CallOptions = { headers?: HeaderMap; body?: unknown };

export type Answer = {
  status: number;
  headers: Headers;
  /** Parsed when it is JSON, the text otherwise. */
  body: any;
};

/** One request to the Worker. `path` is whole (`/v1/…`). Throws where the OpenAPI document does not say what is answered. */
export async function call(method: string, path: string, options: CallOptions = {}): Promise<Answer> {
  const answer = await answerOf(await send(method, path, options));
  const { body: sent } = options;
  const isRaw = typeof sent === "string" || sent instanceof Uint8Array || sent instanceof ReadableStream;
  const differences = answers().differences({ ...answer, method, path, sent: isRaw ? undefined : sent });
  if (differences.length > 0)
    throw new Error(`${method} ${path} ${answer.status} is not as documented: ${differences.join("; ")}`);
  return answer;
}

const answers = lazy(() => new Answers(JSON.parse(JSON.stringify(openApiDocument(api.specs))) as object));

/** A response, read to its end. */
export async function answerOf(response: Response): Promise<Answer> {
  const text = await response.text();
  const isJson = /[/+]json/.test(response.headers.get("content-type") ?? "") && text !== "";
  return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
}

/** The same request, with the answer unread: for streams. */
export function send(method: string, path: string, { headers, body }: CallOptions = {}): Promise<Response> {
  const raw = typeof body === "string" || body instanceof Uint8Array || body instanceof ReadableStream;
  return exports.default.fetch(new URL(path, "http://api.test").href, {
    method,
    redirect: "manual",
    headers: { ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
    ...(body === undefined ? {} : { body: raw ? (body as BodyInit) : JSON.stringify(body) }),
  });
}

export const bearer = (token: string): HeaderMap => ({ authorization: `Bearer ${token}` });

/** A token good for an hour, unless `ttl` (seconds) says otherwise. */
export const tokenFor = (claims: TokenClaims, ttl = 3600) => mintToken(configOf(env), claims, "access", ttl);

export type Company = Awaited<ReturnType<typeof makeCompany>>;

/** A company with one user who owns three keys, and two active agents. Nothing is shared with other companies. */
export async function makeCompany() {
  const now = Date.now();
  const company_id = uuidv7();
  const user_id = uuidv7();
  const db = await companyDatabase(env, company_id);
  const claims = { company_id, entity_type: "user", entity_id: user_id } as const;

  const keyOf = async (name: string, scopes: Scope[]) => {
    const { row, secret } = await newApiKey({ company_id, user_id }, { name, scopes }, now);
    return { row, headers: { "x-api-key": row.key, "x-api-secret": secret } };
  };
  const admin = await keyOf("admin", ["read", "write", "admin"]);
  const readWrite = await keyOf("read_write", ["read", "write"]);
  const readOnly = await keyOf("read_only", ["read"]);

  const agentOf = (name: string, model: string) => ({
    id: uuidv7(),
    company_id,
    name,
    model,
    knowledge: [{ question: "When are you open?", answer: "From nine to five on weekdays." }],
    allowed_origins: ["https://shop.example"],
    settings: {},
    metadata: {},
    created_at: now,
    updated_at: now,
  });
  const echo = agentOf("Echo", "builtin/echo");
  const faq = agentOf("FAQ", "builtin/faq");

  await db.batch([
    ...insertCompany(db, {
      company: { id: company_id, name: "Test company", created_at: now },
      owner: { id: user_id, company_id, subject: user_id, name: "Owner", role: "admin", created_at: now },
      keys: [admin.row, readWrite.row, readOnly.row],
    }),
    db.insert(agent).values([echo, faq]),
  ]);

  return {
    company_id,
    user_id,
    /** Runs builtin/echo. */
    agent_id: echo.id,
    /** Runs builtin/faq. */
    faq_agent_id: faq.id,
    key_ids: { admin: admin.row.id, read_write: readWrite.row.id, read_only: readOnly.row.id },
    admin: admin.headers,
    read_write: readWrite.headers,
    read_only: readOnly.headers,
    /** The same user by token, as a member (read and write). */
    user: bearer(await tokenFor({ ...claims, role: "member" })),
    /** The same user by token, as an admin. */
    admin_user: bearer(await tokenFor({ ...claims, role: "admin" })),
  };
}

/** The company's user, as a conversation's object knows callers. */
export const callerOf = ({ company_id, user_id }: Pick<Company, "company_id" | "user_id">): Caller => ({
  ...{ kind: "api_key", company_id, entity_type: "user", entity_id: user_id, api_key_id: null, issuer_id: null },
  ...{ issued_at: null, expires_at: null, may_read: true, request_id: "r" },
});

/** A visitor of the company's site, with a token. */
export async function makeLead(
  of: Pick<Company, "company_id" | "agent_id">,
  fields: Partial<typeof lead.$inferInsert> = {},
) {
  const now = Date.now();
  const lead_id = uuidv7();
  const { company_id, agent_id } = of;
  const db = await companyDatabase(env, company_id);
  await db
    .insert(lead)
    .values({ id: lead_id, company_id, agent_id, created_at: now, updated_at: now, ...fields })
    .run();
  const token = await tokenFor({ company_id, entity_type: "lead", entity_id: lead_id, role: "member", agent_id });
  return { lead_id, token, headers: bearer(token) };
}
