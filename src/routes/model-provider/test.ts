/** Tries a model provider out: whether its models can answer here, and if not, what kind of thing is wrong. */
import * as z from "zod";
import { decrypt } from "../../auth/encryption.ts";
import { findModelOf } from "../../db/agent.ts";
import { findModelProvider, providerKeyContext } from "../../db/model-provider.ts";
import { type Api } from "../../http/api.ts";
import { text } from "../../http/fields.ts";
import { json } from "../../http/operation.ts";
import { lazy } from "../../lazy.ts";
import { parseModelName } from "../../models/catalog.ts";
import { openModel } from "../../models/open.ts";
import { probe, TROUBLES } from "../../models/probe.ts";
import { invalid, notFound } from "../../problem/problem.ts";

/** Milliseconds for one answer: a server of one's own may have to load the model first. */
const PATIENCE = 240_000;

const testBody = lazy(() =>
  z
    .strictObject({
      model: text(200, 1)
        .optional()
        .meta({ description: "The model's id there. Left out, that of one of the agents which use this provider." }),
    })
    .meta({ id: "ModelProviderTestBody" }),
);

const testSchema = lazy(() =>
  z
    .object({
      ok: z.boolean(),
      model: z.string().meta({ description: "As an agent names it." }),
      status: z.int().nullable().meta({ description: "What the provider answered with; null when nothing did." }),
      problem: z.enum(TROUBLES).nullable().meta({ description: "What kind of thing is wrong." }),
      detail: z
        .string()
        .meta({ description: "The same in a sentence of ours: the provider's own words are not shown." }),
    })
    .meta({ id: "ModelProviderTest" }),
);

export function modelProviderTestRoutes(api: Api): void {
  api.route(
    {
      tag: "Model providers",
      scope: "admin",
      audience: "staff",
      method: "post",
      path: "/model-provider/{name}/test",
      summary: "Try a model provider out",
      description:
        "Asks the model one short question, with the stored address and key, and says what became of it. That the provider fails is an answer, not an error: 200 with `ok: false`.",
      params: lazy(() => z.object({ name: z.string() })),
      body: testBody,
      bodyOptional: true,
      responses: () => ({ 200: json("What became of it.", testSchema()) }),
    },
    async ({ c, db, caller: { company_id }, params: { name }, body }) => {
      const row = await findModelProvider(db, company_id, name);
      if (!row) throw notFound();
      const model = body?.model === undefined ? await findModelOf(db, company_id, name) : `${name}/${body.model}`;
      if (!model) throw invalid({ path: "/model", message: "is needed as long as no agent uses this provider" });
      if (!parseModelName(model)) throw invalid({ path: "/model", message: "is not the name of a model" });
      const { kind, base_url, api_key_ciphertext } = row;
      const config = c.get("config");
      const context = providerKeyContext(company_id, name);
      const api_key = api_key_ciphertext === null ? null : await decrypt(config, api_key_ciphertext, context);
      const settings = { model, temperature: null, max_output_tokens: null, knowledge: [] };
      const providers = { name, kind, base_url, api_key };
      const result = await probe(() => openModel(settings, { config, ai: c.env.AI, providers }), PATIENCE);
      return c.json({ model, ...result });
    },
  );
}
