/**
 * Identity providers: whose tokens a company's users may come with. Issuer and audience decide the company, so one counts
 * only once a token has shown whose it is.
 */
import * as z from "zod";
import { uuidv7 } from "uuidv7";
import { noteEnded } from "../http/ended.ts";
import { forgetCredentials } from "../http/authenticate.ts";
import { ALGORITHMS } from "../auth/identity-provider.ts";
import { MAX_NAME } from "../auth/unverified.ts";
import { keptKeys } from "../http/external-token.ts";
import { proveIssuer } from "../http/issuer-proof.ts";
import { isUniqueViolation } from "../db/database.ts";
import {
  deleteIssuer,
  findIssuer,
  insertIssuer,
  type IssuerRow,
  listIssuers,
  MAX_ISSUERS,
  verifyIssuer,
} from "../db/issuer.ts";
import { type Api } from "../http/api.ts";
import { json } from "../http/operation.ts";
import { type AppContext, linkTo } from "../http/context.ts";
import { id, pathId, responseShape, text, timestamp, toTimestamp, toTimestampOrNull } from "../http/fields.ts";
import { refusalOf } from "../net/outbound.ts";
import { pageOf, pageQuery, respondWithPage } from "../http/pagination.ts";
import { type FieldError, invalid, notFound, Problem } from "../problem/problem.ts";
import { lazy } from "../lazy.ts";

const algorithm = lazy(() => z.enum(ALGORITHMS));

const issuerFields = lazy(() =>
  z
    .strictObject({
      issuer: text(MAX_NAME, 1).meta({
        description: "`iss` of the tokens, compared as it is.",
        example: "https://login.example.com/",
      }),
      jwks_uri: text(2000, 1).nullable().default(null).meta({
        description:
          "Where the signing keys are published. Left out, the issuer's discovery document says so (OpenID Connect Discovery, RFC 8414).",
        example: "https://login.example.com/jwks",
      }),
      audience: text(MAX_NAME, 1).meta({ description: "`aud` that the tokens must carry." }),
      algorithms: z
        .array(algorithm())
        .min(1)
        .max(20)
        .transform((all) => [...new Set(all)])
        .default([...ALGORITHMS]),
      role_claim: text(200, 1).nullable().default(null).meta({
        description:
          'Claim that makes a user an admin by being, or listing, "admin". Where no claim has this very name, dots are a path: `realm_access.roles`.',
      }),
    })
    .meta({ id: "IssuerFields" }),
);

/** A good token shows that whoever registers an identity provider can sign in there. */
const proof = lazy(() => z.string().max(8192).meta({ description: "A good token of this issuer for this audience." }));
const registerBody = lazy(() => issuerFields().extend({ token: proof().optional() }).meta({ id: "IssuerBody" }));
const verifyBody = lazy(() => z.strictObject({ token: proof() }).meta({ id: "IssuerProof" }));

const issuerSchema = lazy(() =>
  z
    .object({
      id: id(),
      company_id: id(),
      ...responseShape(issuerFields().shape),
      status: z.enum(["pending", "verified"]).meta({ description: "Tokens of a pending one are refused." }),
      verified_at: timestamp().nullable(),
      created_at: timestamp(),
    })
    .meta({ id: "Issuer" }),
);

export function issuerRoutes(api: Api): void {
  const common = { tag: "Identity providers", scope: "admin", audience: "staff", store: "control" } as const;

  api.route(
    {
      ...common,
      method: "post",
      path: "/auth/issuer",
      summary: "Register an identity provider",
      description: `With \`token\`, a good one of that issuer for that audience, it is verified at once; without, it stays \`pending\`
until it is. A verified issuer and audience belong to one company. At most ${MAX_ISSUERS} a company.`,
      body: registerBody,
      responses: () => ({ 201: json("The registration.", issuerSchema()) }),
      problems: ["conflict", "identity_provider_unavailable"],
    },
    async ({ c, db, caller, audit, body }) => {
      const { token, ...fields } = body;
      const wrong = problemsOf(c, fields);
      if (wrong.length > 0) throw invalid(...wrong);
      const now = Date.now();
      const { company_id } = caller;
      const row = {
        ...fields,
        id: uuidv7(),
        company_id,
        created_at: now,
        verified_at: null,
        keys: null,
        keys_at: null,
      };
      if (token !== undefined) await proveIssuer(c, db, row, token);
      const verified_at = token === undefined ? null : now;
      const record = audit("issuer.create", "issuer", row.id, { verified: verified_at !== null });
      const keyColumns = token === undefined ? {} : keptKeys(c, row);
      const made = await unlessTaken(insertIssuer(db, { ...row, ...keyColumns, verified_at }, record));
      if (!made) throw new Problem("conflict", `There are at most ${MAX_ISSUERS} identity providers a company.`);
      forgetCredentials();
      return c.json(issuerView(made), 201, { location: linkTo(c, `/auth/issuer/${row.id}`) });
    },
  );

  api.route(
    {
      ...common,
      method: "post",
      path: "/auth/issuer/{id}/verify",
      summary: "Show that an identity provider is yours",
      description: "From then on its tokens are accepted. Repeating it changes nothing.",
      params: pathId(),
      body: verifyBody,
      responses: () => ({ 200: json("The registration, verified.", issuerSchema()) }),
      problems: ["conflict", "identity_provider_unavailable"],
    },
    async ({ c, db, caller, audit, params, body }) => {
      const row = await findIssuer(db, caller.company_id, params.id);
      if (!row) throw notFound();
      await proveIssuer(c, db, row, body.token);
      const made = await unlessTaken(
        verifyIssuer(db, row.company_id, row.id, audit("issuer.verify", "issuer", row.id)),
      );
      if (!made) throw notFound();
      forgetCredentials();
      return c.json(issuerView(made));
    },
  );

  api.route(
    {
      ...common,
      method: "get",
      path: "/auth/issuer",
      summary: "List identity providers",
      description: "Verified and pending ones, newest first.",
      query: () => pageQuery(),
      responses: () => ({ 200: json("A page of registrations, newest first.", pageOf("issuers", issuerSchema())) }),
    },
    ({ c, db, caller, query }) =>
      respondWithPage({
        c,
        caller,
        name: "issuers",
        query,
        filter: null,
        read: (slice) => listIssuers(db, caller.company_id, slice),
        key: (row) => [row.id],
        view: issuerView,
      }),
  );

  api.route(
    {
      ...common,
      method: "delete",
      path: "/auth/issuer/{id}",
      summary: "Remove an identity provider",
      description:
        "Its tokens are refused at once here, everywhere within 30 seconds. Its users stay. There is no restore.",
      params: pathId(),
      responses: () => ({ 200: json("The registration that was removed.", issuerSchema()) }),
      problems: ["store_unavailable"],
    },
    async ({ c, db, caller, audit, params }) => {
      await noteEnded(c, caller.company_id, `issuer:${params.id}`);
      const row = await deleteIssuer(db, caller.company_id, params.id, audit("issuer.delete", "issuer", params.id));
      if (!row) throw notFound();
      forgetCredentials();
      return c.json(issuerView(row));
    },
  );
}

/** The same, with a 409 where a unique index says that there is one already. */
async function unlessTaken<T>(insertion: Promise<T>): Promise<T> {
  try {
    return await insertion;
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
    throw new Problem("conflict", "This issuer and audience are registered already.");
  }
}

/** What is wrong with the addresses. Nobody may register this service's own name: its tokens are not looked up. */
function problemsOf(c: AppContext, { issuer, jwks_uri }: z.output<ReturnType<typeof issuerFields>>): FieldError[] {
  const policy = { allowLoopback: c.get("config").local };
  const own = issuer === c.get("config").TOKEN_ISSUER ? "is this service itself" : null;
  const bare = jwks_uri === null && /[?#]/.test(issuer) ? "has no discovery document with a query or fragment" : null;
  const reasons = {
    "/issuer": own ?? refusalOf(issuer, policy) ?? bare,
    "/jwks_uri": jwks_uri === null ? null : refusalOf(jwks_uri, policy),
  };
  return Object.entries(reasons).flatMap(([path, message]) => (message === null ? [] : [{ path, message }]));
}

const issuerView = ({ created_at, verified_at, keys: _keys, keys_at: _at, ...row }: IssuerRow) => ({
  ...row,
  status: verified_at === null ? ("pending" as const) : ("verified" as const),
  verified_at: toTimestampOrNull(verified_at),
  created_at: toTimestamp(created_at),
});
