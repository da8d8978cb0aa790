/** Providers and their protocols: from where a company's models are to the client that speaks to them. */
import { ModelFailure } from "../../chat/ports.ts";
import type { ProviderAccess } from "../catalog.ts";
import type { Connect, LanguageModelV4 } from "../connect.ts";
import { openaiChat } from "./openai-chat.ts";
import type { Upstream } from "./upstream.ts";
import { workersAi } from "./workers-ai.ts";

/** Where a provider answers when no other address is given. */
const PUBLIC_URL = {
  openai: "https://api.openai.com/v1",
  anthropic: "https://api.anthropic.com/v1",
  google: "https://generativelanguage.googleapis.com/v1beta",
};

type Clients = typeof import("./sdk-clients.ts");

/** A client of the AI SDK, made anew for each call because its fetch is. */
const sdk =
  (make: (clients: Clients, fetch: Upstream["fetch"]) => LanguageModelV4): Connect =>
  async (upstream, options) => {
    const client = make(await import("./sdk-clients.ts"), upstream.fetch);
    return (await client.doStream(options)).stream.getReader();
  };

/** How to reach `modelId` at a provider. Throws ModelFailure when it cannot be reached at all. */
export function connectTo({ kind, base_url, api_key }: ProviderAccess, modelId: string, ai: Ai | undefined): Connect {
  const baseOr = (url: string) => (base_url ?? url).replace(/\/+$/, "");
  const bearer = (): Record<string, string> => (api_key === null ? {} : { authorization: `Bearer ${api_key}` });
  switch (kind) {
    case "openai": {
      const url = ({ path }: { path: string }) => baseOr(PUBLIC_URL.openai) + path;
      const config = { provider: "openai.chat", url, headers: bearer };
      return sdk((clients, fetch) => new clients.OpenAIChatLanguageModel(modelId, { ...config, fetch }));
    }
    case "anthropic": {
      const headers = () => ({ "anthropic-version": "2023-06-01", "x-api-key": api_key ?? undefined });
      const config = { provider: "anthropic.messages", baseURL: baseOr(PUBLIC_URL.anthropic), headers };
      return sdk((clients, fetch) => new clients.AnthropicLanguageModel(modelId, { ...config, fetch }));
    }
    case "google": {
      const headers = () => ({ "x-goog-api-key": api_key ?? undefined });
      const generateId = () => crypto.randomUUID();
      const config = { provider: "google.generative-ai", baseURL: baseOr(PUBLIC_URL.google), headers, generateId };
      return sdk((clients, fetch) => new clients.GoogleLanguageModel(modelId, { ...config, fetch }));
    }
    case "workers-ai":
      // An address of one's own is the REST interface, which speaks OpenAI's protocol; without one there is the binding.
      return base_url === null ? workersAi(modelId, ai) : compatible();
    case "openai-compatible":
      return compatible();
  }

  function compatible(): Connect {
    if (base_url === null) throw new ModelFailure("error", "the provider has no base_url");
    return openaiChat(modelId, baseOr(""), bearer());
  }
}
