/** What a provider's models cost the company: by these prices the cost of every reply is reckoned, and budgets in money. */
import * as z from "zod";
import { unitsOf, PRICE_DECIMALS } from "../../chat/money.ts";
import { findModelProvider } from "../../db/model-provider.ts";
import { findPrices, MAX_PRICES, type Prices, putPrices } from "../../db/model-price.ts";
import type { Api } from "../../http/api.ts";
import { json } from "../../http/operation.ts";
import { currency, decimal } from "../../http/decimal.ts";
import { lazy } from "../../lazy.ts";
import { parseModelName, workerProvider } from "../../models/catalog.ts";
import { invalid, notFound } from "../../problem/problem.ts";

/** The most that a million tokens can cost: what a reply costs still is a decimal. */
const MAX_PRICE = 1_000_000_000;

const perMillion = () =>
  decimal()
    .refine(
      (value) => unitsOf(value, PRICE_DECIMALS) !== null,
      `must have at most ${PRICE_DECIMALS} digits behind the point`,
    )
    .refine((value) => Number(value) < MAX_PRICE, `must be less than ${MAX_PRICE}`);

const priceSchema = lazy(() =>
  z
    .strictObject({
      input: perMillion(),
      cached_input: perMillion().nullable().default(null).meta({
        description: "Of input tokens that the provider had in its cache; null: as much as the others.",
      }),
      output: perMillion(),
      currency: currency(),
    })
    .meta({ id: "ModelPrice", description: "Per million tokens, as exact decimals." }),
);

const body = lazy(() => z.record(z.string(), priceSchema()));

/** As they are shown. */
const pricesSchema = lazy(() =>
  z.record(
    z.string(),
    z.object({ input: z.string(), cached_input: z.string().nullable(), output: z.string(), currency: z.string() }),
  ),
);

export function modelPriceRoutes(api: Api): void {
  const common = {
    tag: "Model providers",
    scope: "admin",
    audience: "staff",
    path: "/model-provider/{name}/prices",
    params: () => z.object({ name: z.string() }),
    responses: () => ({ 200: json("Prices by the ids of models.", z.object({ prices: pricesSchema() })) }),
  } as const;

  api.route(
    {
      ...common,
      method: "put",
      summary: "Say what a provider's models cost",
      description: `Per million tokens, by the provider's ids of its models; replaces all that were there. At most ${MAX_PRICES} models. What was answered before keeps its cost. Turns know new prices within 15 seconds. Also for a provider that this service offers by itself.`,
      body,
      problems: ["not_found"],
    },
    async ({ c, db, caller: { company_id }, audit, params: { name }, body: prices }) => {
      const isKnown = (await findModelProvider(db, company_id, name)) ?? workerProvider(name, c.get("config"));
      if (!isKnown) throw notFound();
      checkModels(name, prices);
      await putPrices(db, company_id, name, prices, audit("model_price.put", "model_provider", name));
      return c.json({ prices: await findPrices(db, company_id, name) });
    },
  );

  api.route(
    {
      ...common,
      method: "get",
      summary: "Look at what a provider's models cost",
      description: "By the provider's ids of its models, per million tokens. Empty where nobody set any.",
      problems: ["not_found"],
    },
    async ({ c, db, caller: { company_id }, params: { name } }) => {
      const isKnown = (await findModelProvider(db, company_id, name)) ?? workerProvider(name, c.get("config"));
      if (!isKnown) throw notFound();
      return c.json({ prices: await findPrices(db, company_id, name) });
    },
  );
}

function checkModels(name: string, prices: Prices): void {
  const ids = Object.keys(prices);
  if (ids.length > MAX_PRICES) throw invalid({ path: "", message: `must have at most ${MAX_PRICES} models` });
  const wrong = ids.filter((id) => id.length > 200 || parseModelName(`${name}/${id}`) === null);
  if (wrong.length > 0)
    throw invalid(
      ...wrong.slice(0, 100).map((id) => ({ path: `/${id.slice(0, 100)}`, message: "is no id of a model" })),
    );
}
