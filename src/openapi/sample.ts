/** An object as an answer may have it, made from its schema: every member is there, with a value that its name suggests. */
export type Schema = {
  $ref?: string;
  type?: string | string[];
  properties?: Record<string, Schema>;
  items?: Schema;
  prefixItems?: Schema[];
  anyOf?: Schema[];
  oneOf?: Schema[];
  allOf?: Schema[];
  enum?: unknown[];
  const?: unknown;
  example?: unknown;
  format?: string;
  pattern?: string;
  minimum?: number;
  additionalProperties?: unknown;
};

export const CONVERSATION_ID = "019ab2f4-6f1e-7c3a-9d3e-0a8d1c2b3a4f";
export const AGENT_ID = "019ab2e0-1c44-7b52-8f0e-5d2c9a7b6e11";
export const TURN_ID = "019ab2f4-7a60-7e41-b5c2-91d03f6a2c88";
export const MESSAGE_ID = "019ab2f4-7a61-7d0f-a3b4-6c5e8f7a9b10";
export const DELETION_ID = "019ab30a-0b12-7c9d-8e1f-2a3b4c5d6e7f";

/** What members of these names are, wherever their schema allows it. */
const VALUES: Record<string, unknown> = {
  conversation_id: CONVERSATION_ID,
  agent_id: AGENT_ID,
  turn_id: TURN_ID,
  message_id: MESSAGE_ID,
  deletion_id: DELETION_ID,
  company_id: "019ab200-0000-7000-8000-000000000001",
  entity_id: "019ab2f3-2b10-7f6e-8d5c-4b3a2f1e0d9c",
  title: "Opening hours",
  content: "Yes, on Saturdays from 9:00 to 16:00.",
  name: "Fern & Field",
  description: "Answers questions about a plant shop.",
  instructions: "You help the customers of a plant shop, briefly and kindly.",
  greeting: "Hello! Ask me about our plants.",
  question: "When are you open?",
  answer: "Monday to Friday from 9:00 to 18:30.",
  model: "openai/gpt-5-mini",
  model_used: "gpt-5-mini",
  first_name: "Ada",
  last_name: "Lovelace",
  email: "ada@example.com",
  external_id: "c-4711",
  text: "Wants a callback on Monday.",
  processing_time: 1.2,
  input_tokens: 412,
  output_tokens: 14,
  max_context_length: 20,
  message_count: 2,
  sequence: 2,
  role: "assistant",
  entity_type: "lead",
  status: "active",
  metadata: { ticket: "T-1042" },
};

/** Members that are null as long as nothing happened. */
const USUALLY_NULL = /^(deleted|erased|disabled|revoked)_|^(hold|handler|waiting_since|error|feedback|broken_at)$/;

/** Lists and objects below this depth are empty, where that is allowed. */
const DEPTH = 6;

/** What of a document a sample is made from. */
type Schemas = { components?: { schemas?: Record<string, unknown> } };

export function sampleOf(document: Schemas, schema: Schema, name = "", depth = 0): unknown {
  const found = resolve(document, schema);
  const choices = found.oneOf ?? found.anyOf ?? [];
  const isNullable = choices.some((one) => one.type === "null") || [found.type].flat().includes("null");
  if (isNullable && USUALLY_NULL.test(name)) return null;
  if (found.example !== undefined) return found.example;
  if (found.const !== undefined) return found.const;
  if (found.enum) return found.enum.includes(VALUES[name]) ? VALUES[name] : found.enum[0];
  const choice = choices.find((one) => one.type !== "null");
  if (choice) return sampleOf(document, choice, name, depth);
  if (found.allOf) return Object.assign({}, ...found.allOf.map((one) => sampleOf(document, one, name, depth)));
  const type = [found.type].flat()[0];
  if (type === "object") return objectOf(document, found, name, depth);
  if (type === "array") return arrayOf(document, found, name, depth);
  const usual = VALUES[name];
  if (type === "null") return null;
  if (type === "boolean") return false;
  if (type === "integer" || type === "number")
    return typeof usual === "number" ? usual : Math.max(found.minimum ?? 1, 1);
  return typeof usual === "string" && fits(found, usual) ? usual : textOf(found);
}

const fits = ({ format, pattern }: Schema, text: string): boolean =>
  (format !== "uuid" || /^[0-9a-f-]{36}$/.test(text)) && (pattern === undefined || new RegExp(pattern).test(text));

const resolve = (document: Schemas, schema: Schema): Schema => {
  const target = schema.$ref?.split("/").at(-1);
  return target === undefined ? schema : resolve(document, document.components?.schemas?.[target] as Schema);
};

function objectOf(document: Schemas, { properties }: Schema, name: string, depth: number): unknown {
  if (!properties) return VALUES[name] ?? {};
  const members = Object.entries(properties).map(([key, member]) => [key, sampleOf(document, member, key, depth + 1)]);
  return Object.fromEntries(members);
}

function arrayOf(document: Schemas, { items, prefixItems }: Schema, name: string, depth: number): unknown[] {
  if (prefixItems) return prefixItems.map((one) => sampleOf(document, one, name, depth + 1));
  return items && depth < DEPTH ? [sampleOf(document, items, name, depth + 1)] : [];
}

function textOf({ format, pattern }: Schema): string {
  if (format === "uuid") return CONVERSATION_ID;
  if (format === "date-time") return "2026-11-22T07:00:00.000Z";
  if (format === "date") return "2026-11-22";
  if (format === "uri") return "https://example.com";
  if (format === "email") return "ada@example.com";
  if (pattern === undefined) return "…";
  const candidates = ["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "order_status"];
  return candidates.find((text) => new RegExp(pattern).test(text)) ?? "…";
}
