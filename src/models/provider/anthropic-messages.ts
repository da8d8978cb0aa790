/**
 * A client of Anthropic's protocol: the AI SDK's, between which and the upstream events are mended. It is also that of
 * gateways: those may want the key as a bearer token, and thoughts back that nobody signed.
 */
import type { CallOptions, Connect } from "../connect.ts";
import { AnthropicEvents } from "./anthropic.ts";
import { askedAgain } from "./asked-again.ts";
import { rootOf } from "./failure.ts";
import { mendedCall, withoutSchema } from "./mended.ts";
import { Remembered } from "./remembered.ts";
import { UpstreamError } from "./report.ts";

/** How a model is asked, other than in the usual way. */
type Manner = { bearer: boolean; unsigned: boolean };

/** By address and name of the model. */
const manners = new Remembered<Manner>();

/** `url`: its base address, without a slash at its end. */
export function anthropicMessages(model: string, url: string, api_key: string | null): Connect {
  const key = `${url} ${model}`;
  return async (upstream, options) => {
    const { AnthropicLanguageModel } = await import("./sdk-clients.ts");
    let manner: Manner = manners.get(key) ?? { bearer: false, unsigned: false };
    const open = async () => {
      const { bearer, unsigned } = manner;
      const credential = bearer ? { authorization: `Bearer ${api_key}` } : { "x-api-key": api_key ?? undefined };
      const headers = () => ({ "anthropic-version": "2023-06-01", ...credential });
      const make = (fetch: typeof globalThis.fetch) =>
        new AnthropicLanguageModel(model, { provider: "anthropic.messages", baseURL: url, headers, fetch });
      const prompt = unsigned ? signed(options.prompt) : options.prompt;
      return mendedCall(make, new AnthropicEvents(), upstream, withoutSchema({ ...options, prompt }));
    };
    const changes = async (thrown: unknown) => {
      const error = rootOf(thrown);
      const other = error instanceof UpstreamError ? otherManner(manner, error, api_key !== null) : null;
      if (!other) return false;
      manner = other;
      return true;
    };
    return askedAgain(open, changes, () => manners.set(key, manner));
  };
}

function otherManner(manner: Manner, error: UpstreamError, hasKey: boolean): Manner | null {
  const is = (...statuses: number[]) => statuses.includes(error.status ?? 0);
  if (!manner.unsigned && is(400, 422) && error.mentions(/thinking|reasoning/i)) return { ...manner, unsigned: true };
  return !manner.bearer && hasKey && is(401, 403) ? { ...manner, bearer: true } : null;
}

/** Without a signature the client would leave a thought out. */
const signed = (prompt: CallOptions["prompt"]): CallOptions["prompt"] =>
  prompt.map((message) =>
    message.role === "assistant"
      ? {
          ...message,
          content: message.content.map((part) =>
            part.type === "reasoning" && !part.providerOptions
              ? { ...part, providerOptions: { anthropic: { signature: "" } } }
              : part,
          ),
        }
      : message,
  );
