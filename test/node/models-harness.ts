/** Models in front of a real upstream, asked the way the engine asks them. */
import { afterAll, beforeAll } from "vitest";
import { type ModelEvent, ModelFailure, type ModelMessage } from "../../src/chat/ports.ts";
import { type Config, configOf } from "../../src/config.ts";
import type { Env } from "../../src/env.ts";
import type { JsonObject } from "../../src/json.ts";
import type { ProviderAccess } from "../../src/models/catalog.ts";
import type { Tool } from "../../src/models/http-tool.ts";
import { type ModelSettings, openModel } from "../../src/models/open.ts";
import { type Step, type UpstreamClient, upstream } from "../upstream/client.ts";
import { startUpstream, type Upstream } from "../upstream/server.ts";

export const config: Config = configOf({
  TOKEN_SECRETS: "s".repeat(32),
  ENCRYPTION_KEYS: `k1:${"A".repeat(43)}`,
  ALLOW_LOOPBACK_UPSTREAMS: "true",
} as unknown as Env);
export const settings = { temperature: null, max_output_tokens: null, knowledge: [] };

export type Heard = { text: string; pieces: string[]; finish: ModelEvent | null; failure: ModelFailure | null };

/** Starts an upstream for the tests of this file; its members are there from the first test on. */
export function useUpstream() {
  let server: Upstream;
  let client: UpstreamClient;
  let count = 0;
  beforeAll(async () => {
    server = await startUpstream();
    client = upstream(server.url);
  });
  afterAll(() => server.close());

  const access = (kind: ProviderAccess["kind"] = "openai-compatible"): ProviderAccess => {
    const base_url = kind === "google" ? `${server.url}/v1beta` : client.baseUrl;
    return { name: "up", kind, base_url, api_key: "secret-key" };
  };
  const open = (model: string, more: Partial<ModelSettings> = {}, provider = access()) =>
    openModel({ ...settings, ...more, model: `up/${model}` }, { config, providers: provider });

  return {
    get url() {
      return server.url;
    },
    get client() {
      return client;
    },
    /** The upstream as a company's provider `up`. */
    access,
    /** The model `up/<model>`. */
    open,
    /** A tool of this name, answered by the upstream. */
    tool: (name: string, more: Partial<Tool> = {}): Tool => ({
      name,
      description: "",
      parameters: { type: "object" },
      url: client.toolUrl(name),
      timeout_ms: 5000,
      secret: null,
      identify: async ({ turn_id }, call_id) => `${turn_id}.${call_id}`,
      ...more,
    }),
    /** A new model, named after `name`, that follows these scripts, one a call. */
    async scripted(name: string, ...scripts: Step[][]): Promise<string> {
      const model = `${name}-n${++count}`;
      await client.script(model, ...scripts);
      return model;
    },
    /** The bodies of the requests that a model has had. */
    bodiesOf: async (model: string) => (await client.requests(model)).map(({ body }) => body),
    /** What comes of a script: a model of its own follows it once. */
    async playing(steps: Step[], kind: ProviderAccess["kind"] = "openai-compatible"): Promise<Heard> {
      return ask(open(await this.scripted("script", steps), {}, access(kind)));
    },
  };
}

/** What a model says to "Hi" in a turn, in which it may call its tools, or has to fit `output_schema`. */
export async function inTurn(
  model: ReturnType<typeof openModel>,
  more: { output_schema?: JsonObject; instructions?: string } = {},
): Promise<{ text: string; failure: ModelFailure | null }> {
  const turn = { conversation_id: "c", turn_id: "t", entity_type: "user" as const, entity_id: "u" };
  const request = { instructions: "", messages: [{ role: "user" as const, content: "Hi" }], turn, ...more };
  let text = "";
  try {
    for await (const event of model.stream(request, new AbortController().signal)) {
      if (event.type === "text") text += event.text;
    }
  } catch (error) {
    if (!(error instanceof ModelFailure)) throw error;
    return { text, failure: error };
  }
  return { text, failure: null };
}

/** Everything a model says to `messages`, and how it ended. Only a ModelFailure may be thrown. */
export async function ask(
  model: ReturnType<typeof openModel>,
  messages: ModelMessage[] = [{ role: "user", content: "Hi" }],
  signal = new AbortController().signal,
  instructions = "",
): Promise<Heard> {
  const heard: Heard = { text: "", pieces: [], finish: null, failure: null };
  try {
    for await (const event of model.stream({ instructions, messages }, signal)) {
      if (event.type === "text") heard.pieces.push(event.text);
      else heard.finish = event;
    }
  } catch (error) {
    if (!(error instanceof ModelFailure)) throw error;
    heard.failure = error;
  }
  heard.text = heard.pieces.join("");
  return heard;
}
