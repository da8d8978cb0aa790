/** Providers and their protocols: from where a company's models are to the client that speaks to them. */
import type { ProviderAccess } from "../catalog.ts";
import type { Connect } from "../connect.ts";
import { withoutThoughts } from "../thoughts.ts";
import { anthropicMessages } from "./anthropic-messages.ts";
import { USUAL } from "./dialect.ts";
import { ProviderFailure } from "./failure.ts";
import { googleChat } from "./google-chat.ts";
import { openaiChat } from "./openai-chat.ts";
import { workersAi } from "./workers-ai.ts";

/** Where a provider answers when no other address is given. */
const PUBLIC_URL = {
  openai: "https://api.openai.com/v1",
  anthropic: "https://api.anthropic.com/v1",
  google: "https://generativelanguage.googleapis.com/v1beta",
};

/** How to reach `modelId` at a provider. Throws ModelFailure when it cannot be reached at all. */
export function connectTo(access: ProviderAccess, modelId: string, ai: Ai | undefined): Connect {
  const connect = clientOf(access, modelId, ai);
  const key = `${access.kind} ${access.base_url} ${modelId}`;
  return async (upstream, options) => withoutThoughts(await connect(upstream, options), key);
}

function clientOf({ kind, base_url, api_key }: ProviderAccess, modelId: string, ai: Ai | undefined): Connect {
  const baseOr = (url: string) => (base_url ?? url).replace(/(?<!\/)\/+$/, "");
  const bearer: Record<string, string> = api_key === null ? {} : { authorization: `Bearer ${api_key}` };
  switch (kind) {
    case "openai":
      // OpenAI's newer models refuse `max_tokens`, and its older ones take the newer name.
      return openaiChat(modelId, baseOr(PUBLIC_URL.openai), bearer, { ...USUAL, limit: "max_completion_tokens" });
    case "anthropic":
      return anthropicMessages(modelId, baseOr(PUBLIC_URL.anthropic), api_key);
    case "google":
      return googleChat(modelId, baseOr(PUBLIC_URL.google), api_key);
    case "workers-ai":
      // An address of one's own is the REST interface, which speaks OpenAI's protocol; without one there is the binding.
      return base_url === null ? workersAi(modelId, ai) : compatible();
    case "openai-compatible":
      return compatible();
  }

  function compatible(): Connect {
    if (base_url === null) throw new ProviderFailure("error", "the provider has no base_url", "address");
    return openaiChat(modelId, baseOr(""), bearer, USUAL);
  }
}
