/** Identity providers: whose tokens a company's users may come with. The issuer decides the company, so it is unique. */
import * as z from "zod";
import { uuidv7 } from "uuidv7";
import { forgetCredentials } from "../http/authenticate.ts";
import { ALGORITHMS } from "../auth/identity-provider.ts";
import { isUniqueViolation } from "../db/database.ts";
import { deleteIssuer, insertIssuer, type IssuerRow, listIssuers } from "../db/issuer.ts";
import { type Api } from "../http/api.ts";
import { json } from "../http/operation.ts";
import { type AppContext, linkTo } from "../http/context.ts";
import { responseShape, id, pathId, text, timestamp, toTimestamp } from "../http/fields.ts";
import { refusalOf } from "../net/outbound.ts";
import { pageOf, pageQuery, respondWithPage } from "../http/pagination.ts";
import { type FieldError, invalid, notFound, Problem } from "../problem/problem.ts";
import { lazy } from "../lazy.ts";

const algorithm = lazy(() => z.enum(ALGORITHMS));

const issuerBody = lazy(() =>
  z
    .strictObject({
      issuer: text(500, 1).meta({
        description: "`iss` of the tokens, compared as it is.",
        example: "https://login.example.com/",
      }),
      jwks_uri: text(2000, 1).meta({
        description: "Where the signing keys are published.",
        example: "https://login.example.com/jwks",
      }),
      audience: text(500, 1).meta({ description: "`aud` that the tokens must carry." }),
      algorithms: z
        .array(algorithm())
        .min(1)
        .transform((list) => [...new Set(list)])
        .default([...ALGORITHMS]),
      role_claim: text(200, 1)
        .nullable()
        .default(null)
        .meta({ description: 'Top-level claim that makes a user an admin by being, or listing, "admin".' }),
    })
    .meta({ id: "IssuerBody" }),
);

const issuerSchema = lazy(() =>
  z
    .object({ id: id(), company_id: id(), ...responseShape(issuerBody().shape), created_at: timestamp() })
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
      body: issuerBody,
      responses: () => ({ 201: json("The registration.", issuerSchema()) }),
      problems: ["conflict"],
    },
    async ({ c, db, caller, audit, body }) => {
      const wrong = problemsOf(c, body);
      if (wrong.length > 0) throw invalid(...wrong);
      const row = { ...body, id: uuidv7(), company_id: caller.company_id, created_at: Date.now() };
      try {
        const made = await insertIssuer(db, row, audit("issuer.create", "issuer", row.id));
        forgetCredentials();
        return c.json(issuerView(made), 201, { location: linkTo(c, `/auth/issuer/${row.id}`) });
      } catch (error) {
        if (!isUniqueViolation(error)) throw error;
        throw new Problem("conflict", "This issuer and audience are registered already.");
      }
    },
  );

  api.route(
    {
      ...common,
      method: "get",
      path: "/auth/issuer",
      summary: "List identity providers",
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
    },
    async ({ c, db, caller, audit, params }) => {
      const row = await deleteIssuer(db, caller.company_id, params.id, audit("issuer.delete", "issuer", params.id));
      if (!row) throw notFound();
      forgetCredentials();
      return c.json(issuerView(row));
    },
  );
}

/** What is wrong with the addresses. Nobody may register this service's own name: its tokens are not looked up. */
function problemsOf(c: AppContext, { issuer, jwks_uri }: z.output<ReturnType<typeof issuerBody>>): FieldError[] {
  const policy = { allowLoopback: c.var.config.local };
  const own = issuer === c.var.config.TOKEN_ISSUER ? "is this service itself" : null;
  const reasons = { "/issuer": own ?? refusalOf(issuer, policy), "/jwks_uri": refusalOf(jwks_uri, policy) };
  return Object.entries(reasons).flatMap(([path, message]) => (message === null ? [] : [{ path, message }]));
}

const issuerView = ({ created_at, ...row }: IssuerRow) => ({ ...row, created_at: toTimestamp(created_at) });
