/** An agent as a form has it: lists are lines, and what is empty is null. */
import type { Agent } from "../types.ts";

export const NEW_AGENT: Agent = {
  id: "",
  name: "",
  description: "",
  instructions: "",
  model: "builtin/faq",
  temperature: null,
  max_output_tokens: null,
  max_input_tokens: null,
  greeting: "",
  knowledge: [],
  allowed_origins: [],
  lead_form: "none",
  status: "active",
  stop: [],
  hand_over: false,
  hours: null,
  max_context_length: 20,
  summarize: false,
  auto_title: true,
  tools: [],
  updated_at: "",
  deleted_at: null,
};

export const linesOf = (text: string): string[] =>
  text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");

/** One model is a name, several are a list. */
export function modelOf(text: string): string | string[] {
  const models = linesOf(text);
  return models.length > 1 ? models : (models[0] ?? "");
}

export const numberOf = (text: string): number | null => (text.trim() === "" ? null : Number(text));
export const textOf = (value: unknown): string => (value === null || value === undefined ? "" : String(value));
