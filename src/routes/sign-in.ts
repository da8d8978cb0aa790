/**
 * Signing in at a company's identity provider, for pages such as /console: which ones there are, where to send the browser,
 * and the exchange of the code that it comes back with. The token is used as any other; nothing is stored here.
 */
import * as z from "zod";
import { exchangeCode, nonceOf } from "../auth/code-exchange.ts";
import { discoverAll } from "../auth/discovery.ts";
import { causeOf } from "../db/database.ts";
import { findVerifiedIssuer, type IssuerRow, listVerifiedIssuers } from "../db/issuer.ts";
import { type Api } from "../http/api.ts";
import { type AppContext, originOf } from "../http/context.ts";
import { id, idFilter, pathId } from "../http/fields.ts";
import { checkProof } from "../http/issuer-proof.ts";
import { json } from "../http/operation.ts";
import { refused } from "../http/refused.ts";
import { lazy } from "../lazy.ts";
import { OutboundRefusal, refusalOf } from "../net/outbound.ts";
import { invalid, notFound, Problem } from "../problem/problem.ts";

const provider = lazy(() => ({
  id: id(),
  issuer: z.string(),
  client_id: z.string().meta({ description: "The audience of the registration." }),
}));

const providersSchema = lazy(() =>
  z.object({ providers: z.array(z.object(provider()).meta({ id: "SignInProvider" })) }).meta({ id: "SignInProviders" }),
);

const startSchema = lazy(() =>
  z
    .object({
      ...provider(),
      authorization_endpoint: z.string().meta({
        description: "Where to send the browser, as its discovery document says.",
        example: "https://login.example.com/authorize",
      }),
      redirect_uri: z.string().meta({
        description: "The only address that codes are exchanged for: `/console` of this service.",
        example: "https://api.example.com/console",
      }),
    })
    .meta({ id: "SignInStart" }),
);

const body = lazy(() =>
  z
    .strictObject({
      code: z.string().min(1).max(4096).meta({ description: "As the provider sent it." }),
      code_verifier: z
        .string()
        .regex(/^[\w.~-]{43,128}$/, "is not a code verifier (RFC 7636)")
        .meta({ description: "That of the `code_challenge` (S256) the browser was sent off with." }),
      nonce: z.string().min(16).max(255).meta({ description: "What the id_token must repeat." }),
    })
    .meta({ id: "SignInBody" }),
);

const tokenSchema = lazy(() => z.object({ id_token: z.string() }).meta({ id: "SignInToken" }));

export function signInRoutes(api: Api): void {
  const common = {
    tag: "Identity providers",
    audience: "public",
    scope: "read",
    store: "control",
    limit: "ip",
  } as const;

  api.route(
    {
      ...common,
      method: "get",
      path: "/auth/sign-in",
      summary: "Where the staff of a company signs in",
      description:
        "The verified identity providers of a company. A company that has none, and one that does not exist, has an empty list.",
      query: () => z.strictObject({ company_id: idFilter() }),
      responses: () => ({ 200: json("At most twenty.", providersSchema()) }),
    },
    async ({ c, db, query }) => {
      const rows = await listVerifiedIssuers(db, query.company_id);
      return c.json({ providers: rows.map(providerView) });
    },
  );

  api.route(
    {
      ...common,
      method: "get",
      path: "/auth/sign-in/{id}",
      summary: "Begin to sign in at an identity provider",
      description:
        "What the authorization request of OpenID Connect (code flow with PKCE, `S256`, `state` and `nonce`) needs. The client at the provider has no secret, and `redirect_uri` is registered there.",
      params: pathId(),
      responses: () => ({ 200: json("What to send the browser off with.", startSchema()) }),
      problems: ["identity_provider_unavailable"],
    },
    async ({ c, db, params }) => {
      const row = await findVerifiedIssuer(db, params.id);
      if (!row) throw notFound();
      const policy = { allowLoopback: c.get("config").local };
      const { authorization_endpoint } = await reach(c, row, async () => {
        const found = await discoverAll(row.issuer, ["authorization_endpoint"], policy);
        const wrong = refusalOf(found.authorization_endpoint, policy);
        if (wrong !== null) throw new OutboundRefusal(`the authorization endpoint ${wrong}`);
        return found;
      });
      return c.json({ ...providerView(row), authorization_endpoint, redirect_uri: redirectUri(c) });
    },
  );

  api.route(
    {
      ...common,
      method: "post",
      path: "/auth/sign-in/{id}",
      summary: "Finish signing in at an identity provider",
      description:
        "Exchanges the code at the provider and answers with its id_token, once that is a good one with this `nonce`. It is a Bearer token like any other of the provider. What the provider refuses is 422, in its words.",
      params: pathId(),
      body,
      responses: () => ({ 200: json("The token.", tokenSchema()) }),
      problems: ["identity_provider_unavailable"],
    },
    async ({ c, db, params, body: { code, code_verifier, nonce } }) => {
      const row = await findVerifiedIssuer(db, params.id);
      if (!row) throw notFound();
      const grant = { client_id: row.audience, code, code_verifier, redirect_uri: redirectUri(c) };
      const policy = { allowLoopback: c.get("config").local };
      const answer = await reach(c, row, () => exchangeCode(row.issuer, grant, policy));
      if (!answer.ok) throw invalid({ path: "/code", message: `the identity provider refused it (${answer.refused})` });
      const checked = await checkProof(c, row, answer.id_token);
      if (!checked.ok) {
        const problem = refused(c, checked.refusal, "");
        if (checked.refusal.reason === "keys_unavailable") throw problem;
        const message = `the identity provider's token is not good (${checked.refusal.reason})`;
        throw invalid({ path: "/code", message });
      }
      if (nonceOf(answer.id_token) !== nonce) {
        throw invalid({
          path: "/nonce",
          message: "the identity provider's token is of another sign-in (its nonce is not this one)",
        });
      }
      return c.json({ id_token: answer.id_token });
    },
  );
}

const providerView = ({ id: provider_id, issuer, audience }: IssuerRow) => ({
  id: provider_id,
  issuer,
  client_id: audience,
});

const redirectUri = (c: AppContext): string => `${originOf(c)}/console`;

/** What a provider answers; 503 where it does not, or not what a provider answers. */
async function reach<T>(c: AppContext, row: IssuerRow, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const about = { issuer_id: row.id, company_id: row.company_id, request_id: c.get("request_id") };
    console.warn(JSON.stringify({ event: "sign_in_unavailable", ...about, error: causeOf(error) }));
    const detail = "The identity provider cannot be reached, or is not one that people sign in at.";
    throw new Problem("identity_provider_unavailable", detail, { retry_after: 10 });
  }
}
