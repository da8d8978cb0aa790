/** Model providers: the address and the API key of a company's models. The key is never returned. */
import * as z from "zod";
import { encrypt } from "../../auth/encryption.ts";
import {
  deleteModelProvider,
  findModelProvider,
  listModelProviders,
  type ModelProviderRow,
  providerKeyContext,
  putModelProvider,
} from "../../db/model-provider.ts";
import { type Api } from "../../http/api.ts";
import { json } from "../../http/operation.ts";
import type { AppContext } from "../../http/context.ts";
import { text, timestamp, toTimestamp } from "../../http/fields.ts";
import { refusalOf } from "../../net/outbound.ts";
import { pageOf, pageQuery, respondWithPage } from "../../http/pagination.ts";
import { invalid, notFound } from "../../problem/problem.ts";
import { baseUrlProblem, BUILTIN } from "../../models/catalog.ts";
import { lazy } from "../../lazy.ts";

const kind = lazy(() => z.enum(["openai", "anthropic", "google", "workers-ai", "openai-compatible"]));

/** Text that people copy from somewhere: white space around it is not meant. */
const pasted = () =>
  text(2000, 1)
    .transform((value) => value.trim())
    .refine((value) => value !== "", "must not be blank");

const providerBody = lazy(() =>
  z
    .strictObject({
      kind: kind(),
      base_url: pasted().nullable().default(null).meta({
        description: "Needed for openai-compatible. https and public, without a query and without /chat/completions.",
      }),
      api_key: pasted()
        .refine((key) => /^[\x20-\x7e]*$/.test(key), "must be visible ASCII characters")
        .refine(
          (key) => !/^(?:bearer\s|["'`]|\w+=+[^=])/i.test(key),
          "must be the key alone, without Bearer, quotes or a name",
        )
        .nullable()
        .default(null)
        .meta({ description: "Encrypted at rest, never shown." }),
    })
    .meta({ id: "ModelProviderBody" }),
);

const providerSchema = lazy(() =>
  z
    .object({
      name: z.string(),
      kind: kind(),
      base_url: z.string().nullable(),
      has_api_key: z.boolean(),
      created_at: timestamp(),
      updated_at: timestamp(),
    })
    .meta({ id: "ModelProvider" }),
);

const response = lazy(() => z.object({ model_provider: providerSchema() }));

/** A new name must be valid. Elsewhere an invalid name is unknown, and so not found. */
const newName = lazy(() =>
  z.object({
    name: z
      .string()
      .regex(/^[a-z0-9][a-z0-9-]{0,39}$/, "must be 1 to 40 of a-z, 0-9 and -, not beginning with -")
      .refine((name) => name !== BUILTIN, "is taken by the built-in models"),
  }),
);
const anyName = lazy(() => z.object({ name: z.string() }));

export function modelProviderRoutes(api: Api): void {
  const common = { tag: "Model providers", scope: "admin", audience: "staff" } as const;

  api.route(
    {
      ...common,
      method: "put",
      path: "/model-provider/{name}",
      summary: "Register or replace a model provider",
      description:
        "An agent's model is then `<name>/<model id>`. Replaces the whole: what is left out is removed, the key included, so that a key is never sent to an address it was not given for.",
      params: newName,
      body: providerBody,
      responses: () => ({
        200: json("The provider, replaced.", response()),
        201: json("The new provider.", response()),
      }),
    },
    async ({ c, db, caller: { company_id }, audit, params: { name }, body }) => {
      checkAddress(c, body);
      const config = c.get("config");
      const api_key_ciphertext =
        body.api_key === null ? null : await encrypt(config, body.api_key, providerKeyContext(company_id, name));
      const fields = { company_id, name, kind: body.kind, base_url: body.base_url, api_key_ciphertext };
      const record = audit("model_provider.put", "model_provider", name);
      const { row, created } = await putModelProvider(db, fields, record);
      return c.json({ model_provider: providerView(row) }, created ? 201 : 200);
    },
  );

  api.route(
    {
      ...common,
      method: "get",
      path: "/model-provider",
      summary: "List model providers",
      description: "By name, without their keys.",
      query: () => pageQuery(),
      responses: () => ({ 200: json("A page of providers, by name.", pageOf("model_providers", providerSchema())) }),
    },
    async ({ c, db, caller, query }) => {
      return respondWithPage({
        c,
        caller,
        name: "model_providers",
        query,
        filter: null,
        read: (slice) => listModelProviders(db, caller.company_id, slice),
        key: (row) => [row.name],
        view: providerView,
      });
    },
  );

  api.route(
    {
      ...common,
      method: "get",
      path: "/model-provider/{name}",
      summary: "Look at a model provider",
      description: "`has_api_key` says whether there is one; the key itself is never shown.",
      params: anyName,
      responses: () => ({ 200: json("The provider, without its key.", response()) }),
    },
    async ({ c, db, caller, params }) => {
      const row = await findModelProvider(db, caller.company_id, params.name);
      if (!row) throw notFound();
      return c.json({ model_provider: providerView(row) });
    },
  );

  api.route(
    {
      ...common,
      method: "delete",
      path: "/model-provider/{name}",
      summary: "Remove a model provider",
      description:
        "With its key and its prices, for good. Agents whose model it was cannot answer until it is registered again.",
      params: anyName,
      responses: () => ({ 200: json("The provider that was removed.", response()) }),
    },
    async ({ c, db, caller, audit, params }) => {
      const record = audit("model_provider.delete", "model_provider", params.name);
      const row = await deleteModelProvider(db, caller.company_id, params.name, record);
      if (!row) throw notFound();
      return c.json({ model_provider: providerView(row) });
    },
  );
}

function checkAddress(c: AppContext, { kind: protocol, base_url }: z.output<ReturnType<typeof providerBody>>): void {
  if (base_url === null) {
    if (protocol === "openai-compatible")
      throw invalid({ path: "/base_url", message: "is needed for openai-compatible" });
    return;
  }
  const message = refusalOf(base_url, { allowLoopback: c.get("config").local }) ?? baseUrlProblem(base_url);
  if (message) throw invalid({ path: "/base_url", message });
}

const providerView = (row: ModelProviderRow) => ({
  name: row.name,
  kind: row.kind,
  base_url: row.base_url,
  has_api_key: row.api_key_ciphertext !== null,
  created_at: toTimestamp(row.created_at),
  updated_at: toTimestamp(row.updated_at),
});
