/** A client of Google's Gemini API (reference, "models.streamGenerateContent"), and of proxies that speak it. */
import type { Connect } from "../connect.ts";
import { askedAgain, withoutRefused } from "./asked-again.ts";
import { GoogleChunks } from "./google-chunks.ts";
import { type GoogleManner, googleRequest } from "./google-request.ts";
import { NO_INSTRUCTIONS } from "./instructions.ts";
import { parsed } from "./parts.ts";
import { Remembered } from "./remembered.ts";
import type { UpstreamError } from "./report.ts";

/** By address and name of the model. */
const manners = new Remembered<GoogleManner>();

/** `url`: its base address, without a slash at its end. A model without a folder is one of `models/`. */
export function googleChat(model: string, url: string, api_key: string | null): Connect {
  const path = model.includes("/") ? model : `models/${model}`;
  const headers: Record<string, string> = api_key === null ? {} : { "x-goog-api-key": api_key };
  return (upstream, options) =>
    askedAgain({
      manners,
      key: `${url} ${model}`,
      usual: { system: true, schema: true, unsigned: true },
      open: async (manner) => {
        const body = googleRequest(options, manner);
        const events = upstream.post(`${url}/${path}:streamGenerateContent?alt=sse`, headers, body, options.signal);
        return parsed(await events, new GoogleChunks());
      },
      otherwise: (manner, error) => otherwise(manner, error, googleRequest(options, manner)),
    });
}

function otherwise(
  manner: GoogleManner,
  error: UpstreamError,
  sent: ReturnType<typeof googleRequest>,
): GoogleManner | null {
  if (!error.isRefusal) return null;
  const hasSchema = sent.generationConfig.responseJsonSchema !== undefined;
  const other = withoutRefused(manner, error, [
    { said: /thought_?signature/i, sent: manner.unsigned, instead: { unsigned: false } },
    { said: NO_INSTRUCTIONS, sent: sent.systemInstruction !== undefined, instead: { system: false } },
  ]);
  // Which part of a schema it minds, it says in many ways.
  return other ?? (hasSchema && error.trouble === "request" ? { ...manner, schema: false } : null);
}
