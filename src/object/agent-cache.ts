/**
 * The agent of a conversation as its turns use it: read from D1 with its providers in one trip, believed for 15 seconds, and
 * used beyond that, also by an object that wakes up cold, while D1 does not answer.
 */
import { decrypt } from "../auth/encryption.ts";
import { toolIdentity } from "../auth/tool-identity.ts";
import type { AgentSettings, HttpTool } from "../chat/agent.ts";
import { HAND_OVER_TOOL } from "../chat/engine/hand-over.ts";
import type { TurnAgent } from "../chat/engine/turn-agent.ts";
import { LOADING_TIMEOUT, TIMEOUTS } from "../chat/engine/watchdog.ts";
import type { Store } from "../chat/journal/store.ts";
import { estimateTokens } from "../chat/usage.ts";
import type { Config } from "../config.ts";
import { toolSecretContext } from "../db/agent.ts";
import { companyDatabase } from "../db/database.ts";
import { type AgentParts, readAgentParts } from "../db/opening.ts";
import { providerKeyContext } from "../db/model-provider.ts";
import type { Env } from "../env.ts";
import { BUILTIN, parseModelName, type ProviderAccess } from "../models/catalog.ts";
import type { Tool } from "../models/http-tool.ts";
import { openModel } from "../models/open.ts";
import { within } from "../chat/within.ts";

/** Milliseconds for which an agent is believed. */
const TTL = 15_000;
/** Milliseconds that D1 has to answer, and for which it is not asked again when it did not. */
const PATIENCE = 2_000;
const RETRY = 3_000;

const FAQ = `${BUILTIN}/faq`;

type Owner = { company_id: string; agent_id: string };

export class AgentCache {
  readonly #env: Env;
  readonly #config: Config;
  readonly #store: Store;
  readonly #log: (event: object) => void;
  #latest: TurnAgent | null = null;
  #known: { agent: Promise<TurnAgent | null>; until: number } | null = null;

  constructor(env: Env, config: Config, store: Store, log: (event: object) => void) {
    this.#env = env;
    this.#config = config;
    this.#store = store;
    this.#log = log;
  }

  /** The agent, or null when it is inactive or deleted. Rejects when D1 cannot be read and never was. */
  load(owner: Owner): Promise<TurnAgent | null> {
    if (this.#known && this.#known.until > Date.now()) return this.#known.agent;
    return this.#remember(this.#read(owner), TTL);
  }

  /** The agent as it was read together with its conversation, which saves a trip to D1. */
  use(owner: Owner, parts: AgentParts): void {
    this.#keep(parts);
    this.#remember(this.#open(owner, parts), TTL).catch(() => undefined);
  }

  /** The agent as it was last read, however long ago. */
  get latest(): TurnAgent | null {
    return this.#latest;
  }

  #remember(agent: Promise<TurnAgent | null>, ttl: number): Promise<TurnAgent | null> {
    const known = { agent, until: Date.now() + ttl };
    this.#known = known;
    agent.then(
      (value) => {
        this.#latest = value;
      },
      () => {
        if (this.#known === known) this.#known = null;
      },
    );
    return agent;
  }

  async #read(owner: Owner): Promise<TurnAgent | null> {
    try {
      const reading = companyDatabase(this.#env, owner.company_id).then((db) =>
        readAgentParts(db, owner.company_id, owner.agent_id),
      );
      const parts = await within(reading, PATIENCE);
      this.#keep(parts);
      return this.#open(owner, parts);
    } catch (error) {
      const kept = this.#store.one("SELECT value, at FROM agent");
      if (!kept) throw error;
      const { company_id, agent_id } = owner;
      const age_seconds = (Date.now() - Number(kept["at"])) / 1000;
      this.#log({ event: "agent_from_cache", company_id, agent_id, age_seconds, error: String(error) });
      if (this.#known) this.#known.until = Date.now() + RETRY;
      return this.#open(owner, JSON.parse(String(kept["value"])) as AgentParts);
    }
  }

  /** Secrets are kept as D1 has them: encrypted. */
  #keep(parts: AgentParts): void {
    this.#store.run(
      `INSERT INTO agent VALUES (1, ?, ?)
       ON CONFLICT (one) DO UPDATE SET value = excluded.value, at = excluded.at WHERE value <> excluded.value`,
      JSON.stringify(parts),
      Date.now(),
    );
  }

  async #open(
    { company_id, agent_id }: Owner,
    { agent: row, providers, spending }: AgentParts,
  ): Promise<TurnAgent | null> {
    if (!row || row.deleted_at !== null || row.status !== "active") return null;
    const { settings } = row;
    const models = [row.model, ...(settings.fallback ?? [])];
    const tools = (settings.tools ?? []).map((tool) => this.#tool({ company_id, agent_id }, tool));
    const links = await Promise.all(
      models.map((model, at) => this.#link(row, { providers, spending }, tools, model, at + 1 === models.length)),
    );
    const isModel = models.some((model) => !model.startsWith(`${BUILTIN}/`));
    const declared = [
      ...(settings.tools ?? []).map(({ name, description, parameters }) => ({ name, description, parameters })),
      ...(settings.hand_over ? [HAND_OVER_TOOL] : []),
    ];
    return {
      instructions: row.instructions,
      max_input_tokens: settings.max_input_tokens ?? null,
      tools_tokens: declared.length > 0 && isModel ? estimateTokens(JSON.stringify(declared)) : 0,
      summarize: (settings.summarize ?? false) && !row.model.startsWith(`${BUILTIN}/`),
      auto_title: settings.auto_title ?? true,
      hand_over: settings.hand_over ? { hours: settings.hours ?? null } : null,
      links: links as [(typeof links)[number], ...typeof links],
      last_resort: models.includes(FAQ) ? null : await this.#link(row, { providers, spending }, [], FAQ, true),
      budgets: spending?.budgets ?? false,
      max_output_tokens: row.max_output_tokens,
    };
  }

  /** One of the agent's models. Only the last is given the time to be loaded: any other has a next one. */
  async #link(
    row: NonNullable<AgentParts["agent"]>,
    { providers, spending }: Pick<AgentParts, "providers"> & Partial<AgentParts>,
    tools: Tool[],
    model: string,
    isLast: boolean,
  ): Promise<TurnAgent["links"][number]> {
    // What answers from memory is not late, whatever the agent allows a model.
    const settings: AgentSettings = model === FAQ ? {} : row.settings;
    const name = parseModelName(model)?.provider ?? "";
    const provider = providers.find((one) => one.name === name);
    const access = provider ? await this.#access(provider) : null;
    const mayLoad = isLast && (provider?.kind ?? name) === "openai-compatible";
    const agent = { ...row, model, stop: row.settings.stop, tools };
    return {
      name: model,
      timeouts: {
        firstToken: settings.first_token_timeout_ms ?? (mayLoad ? LOADING_TIMEOUT : TIMEOUTS.firstToken),
        betweenTokens: settings.token_timeout_ms ?? TIMEOUTS.betweenTokens,
        wholeTurn: settings.turn_timeout_ms ?? TIMEOUTS.wholeTurn,
      },
      price: spending?.prices[model] ?? null,
      open: () => openModel(agent, { config: this.#config, ai: this.#env.AI, providers: access }),
    };
  }

  /** Its secret is decrypted when it is needed. */
  #tool({ company_id, agent_id }: Owner, { secret_header: secret, ...settings }: HttpTool): Tool {
    const identify: Tool["identify"] = (turn, call_id) =>
      toolIdentity(this.#config, { ...turn, url: settings.url, agent_id, call_id }, Date.now());
    const tool = { ...settings, identify };
    if (!secret) return { ...tool, secret: null };
    const context = toolSecretContext(company_id, agent_id, tool);
    return { ...tool, secret: { name: secret.name, read: () => decrypt(this.#config, secret.ciphertext, context) } };
  }

  async #access(row: AgentParts["providers"][number]): Promise<ProviderAccess> {
    const { company_id, name, kind, base_url, api_key_ciphertext } = row;
    const context = providerKeyContext(company_id, name);
    const api_key = api_key_ciphertext === null ? null : await decrypt(this.#config, api_key_ciphertext, context);
    return { name, kind, base_url, api_key };
  }
}
