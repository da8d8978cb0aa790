/** What an agent is made of, beyond the columns that queries filter on. */
import type { JsonObject } from "../json.ts";
import type { Hours } from "./hours.ts";

/** A question an agent can answer from its own knowledge. */
export type Knowledge = { question: string; answer: string };

/** An HTTP endpoint that the model may call; `secret_header` is encrypted at rest. */
export type HttpTool = {
  name: string;
  description: string;
  parameters: JsonObject;
  url: string;
  timeout_ms: number;
  secret_header?: { name: string; ciphertext: string };
};

/** Agent settings that no query filters on. Times are milliseconds. */
export type AgentSettings = {
  /** Models that answer when the agent's first one does not, in that order. */
  fallback?: string[];
  stop?: string[];
  first_token_timeout_ms?: number;
  token_timeout_ms?: number;
  turn_timeout_ms?: number;
  max_input_tokens?: number;
  /** See contextLengthOf. */
  max_context_length?: number;
  summarize?: boolean;
  auto_title?: boolean;
  tools?: HttpTool[];
  /** The model may ask for a person to take over. */
  hand_over?: boolean;
  /** When there are people for that; left out: always. */
  hours?: Hours;
};

/** Name of the tool by which a model asks for a person; no tool of the agent's own may have it. */
export const HAND_OVER = "hand_over";

/** How many of the latest messages a model sees, where neither the agent nor the conversation says so. */
const CONTEXT_LENGTH = 20;

/** max_context_length of an agent's conversations: the default of all, and the most that a visitor may ask for. */
export const contextLengthOf = (settings: AgentSettings): number => settings.max_context_length ?? CONTEXT_LENGTH;
