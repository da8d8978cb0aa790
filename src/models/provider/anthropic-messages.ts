/** A client of Anthropic's Messages API (API reference, "Create a Message"), and of gateways that speak it. */
import type { Connect } from "../connect.ts";
import { AnthropicEvents } from "./anthropic-events.ts";
import { type AnthropicManner, anthropicRequest, SURELY } from "./anthropic-request.ts";
import { askedAgain, withoutRefused } from "./asked-again.ts";
import { parsed } from "./parts.ts";
import { Remembered } from "./remembered.ts";
import type { UpstreamError } from "./report.ts";

const VERSION = { "anthropic-version": "2023-06-01" };

const USUAL: AnthropicManner = { bearer: false, unsigned: false, temperature: true, schema: true, most: Infinity };

/** By address and name of the model. */
const manners = new Remembered<AnthropicManner>();

/** `url`: its base address, without a slash at its end. */
export function anthropicMessages(model: string, url: string, api_key: string | null): Connect {
  const credential = (bearer: boolean): Record<string, string> =>
    api_key === null ? {} : bearer ? { authorization: `Bearer ${api_key}` } : { "x-api-key": api_key };
  return (upstream, options) =>
    askedAgain({
      manners,
      key: `${url} ${model}`,
      usual: USUAL,
      open: async (manner) => {
        const headers = { ...VERSION, ...credential(manner.bearer) };
        const body = anthropicRequest(model, options, manner);
        return parsed(await upstream.post(`${url}/messages`, headers, body, options.signal), new AnthropicEvents());
      },
      otherwise: (manner, error) => {
        const isKey = error.status === 401 || error.status === 403;
        if (isKey && api_key !== null && !manner.bearer) return { ...manner, bearer: true };
        return otherwise(manner, error, anthropicRequest(model, options, manner));
      },
    });
}

function otherwise(
  manner: AnthropicManner,
  error: UpstreamError,
  sent: ReturnType<typeof anthropicRequest>,
): AnthropicManner | null {
  if (!error.isRefusal) return null;
  // As in "max_tokens: 64000 > 32000, which is the maximum allowed number of output tokens".
  const named = error.numberIn(/max_tokens\D{0,20}\d+ > (\d+)/);
  const most = named > 0 && named < sent.max_tokens ? named : SURELY;
  const other = withoutRefused(manner, error, [
    { said: /thinking|reasoning/i, sent: !manner.unsigned, instead: { unsigned: true } },
    { said: /temperature/, sent: sent.temperature !== undefined, instead: { temperature: false } },
    { said: /max_tokens/, sent: sent.max_tokens > most, instead: { most } },
  ]);
  // Which part of a schema it minds, it says in many ways.
  return other ?? (sent.output_config && error.trouble === "request" ? { ...manner, schema: false } : null);
}
