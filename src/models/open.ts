/** From an agent's settings to its model: the one place that knows every kind there is. */
import { type Model, ModelFailure } from "../chat/ports.ts";
import type { Config } from "../config.ts";
import type { Knowledge } from "../chat/agent.ts";
import { BUILTIN, modelProblem, parseModelName, type ProviderAccess, workerProvider } from "./catalog.ts";
import { echoModel } from "./echo.ts";
import { type CallSettings, languageModel } from "./language-model.ts";
import { connectTo } from "./provider/kinds.ts";
import { sleep } from "./sleep.ts";
import { structured } from "./structured.ts";

/** The parts of an agent that its model depends on. */
export type ModelSettings = CallSettings & {
  /** `provider/name`. */
  model: string;
  knowledge: Knowledge[];
};

/**
 * The model of an agent. `providers` is the company's own provider under the prefix of the model's name, decrypted, or
 * null when it has none; then the Worker's is taken. `ai` is the Workers AI binding, where there is one.
 * Throws ModelFailure when the model is not to be had (any more). Nothing is requested before `stream` is called.
 */
export function openModel(
  agent: ModelSettings,
  deps: { config: Config; ai?: Ai | undefined; providers: ProviderAccess | null },
): Model {
  const { config, ai, providers: own } = deps;
  const parsed = parseModelName(agent.model);
  const problem = modelProblem(agent.model, new Set(own ? [own.name] : []), config);
  if (!parsed || problem !== null) throw new ModelFailure("error", `model ${problem ?? "is not known"}`);
  if (parsed.provider === BUILTIN) {
    const builtIn = parsed.name === "echo" ? echoModel(agent.model, sleep) : faq(agent.model, agent.knowledge);
    return structured(builtIn);
  }
  const access = own?.name === parsed.provider ? own : workerProvider(parsed.provider, config);
  if (!access) throw new ModelFailure("error", "model is not known");
  const policy = { allowLoopback: config.local };
  return structured(languageModel(agent.model, connectTo(access, parsed.name, ai), agent, policy));
}

/** Loaded when it is first asked for: its words are many, and other agents start without them. */
const faq = (name: string, knowledge: Knowledge[]): Model => ({
  name,
  async *stream(request, signal) {
    const { faqModel } = await import("./faq/faq.ts");
    yield* faqModel(name, knowledge).stream(request, signal);
  },
});
