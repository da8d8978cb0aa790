/** Asks a model one short question, to say what is wrong between us and it: in our own words, never in the upstream's. */
import { type Model, ModelFailure } from "../chat/ports.ts";
import { ProviderFailure } from "./provider/failure.ts";
import type { Trouble } from "./provider/report.ts";

export const TROUBLES = [
  "address",
  "key",
  "quota",
  "model",
  "request",
  "protocol",
  "busy",
  "upstream",
  "timeout",
] as const satisfies (Trouble | "timeout")[];

/** `status`: what the upstream answered with, or null when nothing answered. */
export type Probe = { ok: boolean; status: number | null; problem: (typeof TROUBLES)[number] | null; detail: string };

const DETAILS: Record<(typeof TROUBLES)[number], string> = {
  address:
    "Nothing answers there that speaks this protocol. Is base_url right, up to and with its version, such as /v1? And does the server run?",
  key: "The provider does not accept the key.",
  quota: "The key is right, but its account has no credit left.",
  model: "The provider does not know this model, or does not offer it to this key.",
  request: "The provider refuses what it is sent, although it was asked in several ways.",
  protocol: "What answers there is not understood, or ends without saying that it is whole. Is the kind right?",
  busy: "The provider is overloaded or has had too many requests. All else is right as far as that shows.",
  upstream: "The provider has failed by itself.",
  timeout: "The model did not answer in time.",
};

const QUESTION = { instructions: "", messages: [{ role: "user" as const, content: "Answer with the word yes." }] };

/** Asks, for at most `patience` milliseconds. Never rejects. `open` may throw ModelFailure. */
export async function probe(open: () => Model, patience: number): Promise<Probe> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), patience);
  try {
    for await (const { type } of open().stream(QUESTION, late.signal)) {
      if (type === "finish") return { ok: true, status: 200, problem: null, detail: "The model answers." };
    }
    return failed("timeout", null);
  } catch (error) {
    if (error instanceof ProviderFailure) return failed(error.trouble, error.status);
    // An answer arrived, and it was none.
    return failed("protocol", error instanceof ModelFailure ? 200 : null);
  } finally {
    clearTimeout(timer);
  }
}

const failed = (problem: (typeof TROUBLES)[number], status: number | null): Probe => ({
  ok: false,
  status,
  problem,
  detail: DETAILS[problem],
});
