/** Which model names exist where: `builtin/…`, the Worker-wide providers of the environment, a company's own. Pure. */
import type { Config } from "../config.ts";

/** The protocol that a provider speaks. */
export type ProviderKind = "openai" | "anthropic" | "google" | "workers-ai" | "openai-compatible";

/** A provider ready to be called: the key is decrypted, so this never leaves the Worker or reaches a log. */
export type ProviderAccess = {
  name: string;
  kind: ProviderKind;
  /** Null: the provider's own public address (for `workers-ai`, the Worker's binding). */
  base_url: string | null;
  api_key: string | null;
};

/** The prefix that no company's provider can take over. */
export const BUILTIN = "builtin";

/**
 * `provider/name` taken apart at the first slash (names such as `meta/llama` hold more); null when it is not one.
 * Some providers take the name as part of a path, so it can neither climb out of it nor end it, nor say so in percents.
 */
export function parseModelName(model: string): { provider: string; name: string } | null {
  const match = /^([^/\s]+)\/([^\s\p{C}?#%\\]+)$/u.exec(model);
  if (!match?.[1] || !match[2] || match[2].split("/").some((part) => part === "." || part === "..")) return null;
  return { provider: match[1], name: match[2] };
}

/** The end of an address that is not a base any more, but what is asked there. */
const ENDPOINT =
  /\/(chat\/completions|completions|responses|messages|embeddings|models|api\/(chat|generate)|models\/[^/]*:\w+)\/*$/i;

/** Why `url` is no provider's base address, worded to follow "/base_url: ", or null when it may be one. */
export function baseUrlProblem(url: string): string | null {
  if (/[\s\p{C}]/u.test(url)) return "must not contain white space";
  if (/[?#]/.test(url)) return "must be a base address, without a query: the way to an answer is added to its end";
  const [endpoint] = ENDPOINT.exec(url) ?? [];
  return endpoint ? `must be the base address: leave ${endpoint} out` : null;
}

/** The provider that this Worker offers to every company under `name`, or null. */
export function workerProvider(name: string, config: Config): ProviderAccess | null {
  const access = (kind: ProviderKind, api_key: string | undefined, base_url: string | null = null): ProviderAccess => ({
    name,
    kind,
    base_url,
    api_key: api_key ?? null,
  });
  switch (name) {
    case "openai":
      return config.OPENAI_API_KEY ? access(name, config.OPENAI_API_KEY) : null;
    case "anthropic":
      return config.ANTHROPIC_API_KEY ? access(name, config.ANTHROPIC_API_KEY) : null;
    case "google":
      return config.GOOGLE_API_KEY ? access(name, config.GOOGLE_API_KEY) : null;
    case "openai-compatible":
      return config.OPENAI_COMPATIBLE_BASE_URL
        ? access(name, config.OPENAI_COMPATIBLE_API_KEY, config.OPENAI_COMPATIBLE_BASE_URL.trim())
        : null;
    case "workers-ai":
      return config.local ? null : access(name, undefined);
    default:
      return null;
  }
}

/**
 * Why no agent may be saved with `model`, worded to follow "/model: ", or null when it may.
 * `providerNames` are the providers that the company has registered; one of the same name wins over the Worker-wide one.
 */
export function modelProblem(model: string, providerNames: ReadonlySet<string>, config: Config): string | null {
  const parsed = parseModelName(model);
  if (!parsed) return 'must have the form "provider/name"';
  const { provider, name } = parsed;
  if (provider === BUILTIN) {
    if (name === "faq" || (name === "echo" && config.local)) return null;
    return name === "echo" ? "is only there when running locally" : "is not a built-in model";
  }
  if (providerNames.has(provider) || workerProvider(provider, config)) return null;
  return "names a provider that is not set up: register it under /model-provider, or use builtin/faq";
}
