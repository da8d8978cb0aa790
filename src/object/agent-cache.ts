/** The agent of a conversation as its turns use it, read from D1 and believed for at most 15 seconds. */
import { decrypt } from "../auth/encryption.ts";
import type { Config } from "../config.ts";
import type { Env } from "../env.ts";
import { type AgentRow, findAgent, toolSecretContext } from "../db/agent.ts";
import { companyDatabase, type Database } from "../db/database.ts";
import { findModelProvider, providerKeyContext } from "../db/model-provider.ts";
import type { AgentSettings, HttpTool } from "../chat/agent.ts";
import { BUILTIN, parseModelName, type ProviderAccess } from "../models/catalog.ts";
import type { Tool } from "../models/http-tool.ts";
import { openModel } from "../models/open.ts";
import type { TurnAgent } from "../chat/engine/turn-agent.ts";
import { estimateTokens } from "../chat/usage.ts";
import { LOADING_TIMEOUT, TIMEOUTS } from "../chat/engine/watchdog.ts";

/** Milliseconds. */
const TTL = 15_000;

type Owner = { company_id: string; agent_id: string };

export class AgentCache {
  readonly #env: Env;
  readonly #config: Config;
  #latest: TurnAgent | null = null;
  #known: { agent: Promise<TurnAgent | null>; until: number } | null = null;

  constructor(env: Env, config: Config) {
    this.#env = env;
    this.#config = config;
  }

  /** The agent, or null when it is inactive or deleted. Rejects when D1 cannot be read; then nothing is remembered. */
  load(owner: Owner): Promise<TurnAgent | null> {
    if (this.#known && this.#known.until > Date.now()) return this.#known.agent;
    const known = { agent: this.#read(owner), until: Date.now() + TTL };
    this.#known = known;
    known.agent.then(
      (agent) => {
        this.#latest = agent;
      },
      () => {
        if (this.#known === known) this.#known = null;
      },
    );
    return known.agent;
  }

  /** The agent as it was last read, however long ago. */
  get latest(): TurnAgent | null {
    return this.#latest;
  }

  async #read({ company_id, agent_id }: Owner): Promise<TurnAgent | null> {
    const db = await companyDatabase(this.#env, company_id);
    const row = await findAgent(db, company_id, agent_id);
    if (!row || row.deleted_at !== null || row.status !== "active") return null;
    const { settings } = row;
    const models = [row.model, ...(settings.fallback ?? [])];
    const links = await Promise.all(models.map((model, at) => this.#link(db, row, model, at + 1 === models.length)));
    const isModel = models.some((model) => !model.startsWith(`${BUILTIN}/`));
    const declared = (settings.tools ?? []).map(({ name, description, parameters }) => ({
      name,
      description,
      parameters,
    }));
    return {
      links: links as [(typeof links)[number], ...typeof links],
      instructions: row.instructions,
      max_input_tokens: settings.max_input_tokens ?? null,
      tools_tokens: declared.length > 0 && isModel ? estimateTokens(JSON.stringify(declared)) : 0,
      summarize: (settings.summarize ?? false) && !row.model.startsWith(`${BUILTIN}/`),
      auto_title: settings.auto_title ?? true,
    };
  }

  /** One of the agent's models. Only the last is given the time to be loaded: any other has a next one. */
  async #link(db: Database, row: AgentRow, model: string, isLast: boolean): Promise<TurnAgent["links"][number]> {
    const { company_id } = row;
    // What answers from memory is not late, whatever the agent allows a model.
    const settings: AgentSettings = model === `${BUILTIN}/faq` ? {} : row.settings;
    const name = parseModelName(model)?.provider ?? "";
    const provider = name === BUILTIN ? undefined : await findModelProvider(db, company_id, name);
    const providers: ProviderAccess | null = provider ? await this.#access(provider) : null;
    const mayLoad = isLast && (provider?.kind ?? name) === "openai-compatible";
    const tools = (row.settings.tools ?? []).map((tool) => this.#tool({ company_id, agent_id: row.id }, tool));
    const agent = { ...row, model, stop: row.settings.stop, tools };
    return {
      name: model,
      timeouts: {
        firstToken: settings.first_token_timeout_ms ?? (mayLoad ? LOADING_TIMEOUT : TIMEOUTS.firstToken),
        betweenTokens: settings.token_timeout_ms ?? TIMEOUTS.betweenTokens,
        wholeTurn: settings.turn_timeout_ms ?? TIMEOUTS.wholeTurn,
      },
      open: () => openModel(agent, { config: this.#config, ai: this.#env.AI, providers }),
    };
  }

  /** Its secret is decrypted when it is needed. */
  #tool({ company_id, agent_id }: Owner, { secret_header: secret, ...tool }: HttpTool): Tool {
    if (!secret) return { ...tool, secret: null };
    const context = toolSecretContext(company_id, agent_id, tool);
    return { ...tool, secret: { name: secret.name, read: () => decrypt(this.#config, secret.ciphertext, context) } };
  }

  async #access(row: NonNullable<Awaited<ReturnType<typeof findModelProvider>>>): Promise<ProviderAccess> {
    const { company_id, name, kind, base_url, api_key_ciphertext } = row;
    const context = providerKeyContext(company_id, name);
    const api_key = api_key_ciphertext === null ? null : await decrypt(this.#config, api_key_ciphertext, context);
    return { name, kind, base_url, api_key };
  }
}
