/** What the API answers with, as far as the console reads it. The OpenAPI document at /openapi.json is the authority. */

export type Scope = "read" | "write" | "admin";
export type EntityType = "user" | "lead";

export type Identity = {
  kind: "api_key" | "user" | "lead";
  company_id: string;
  entity_type: EntityType;
  entity_id: string;
  scopes: Scope[];
  expires_at: string | null;
};

export type Hold = { reason: string; since: string };
/** A person of the staff. */
type Person = { entity_id: string; name: string | null };

export type Conversation = {
  id: string;
  agent_id: string;
  entity_type: EntityType;
  entity_id: string;
  title: string;
  metadata: Record<string, unknown>;
  max_context_length: number;
  status: "active" | "archived" | "deleted";
  message_count: number;
  last_message_at: string | null;
  handled_by: "agent" | "staff";
  handler: Person | null;
  waiting_since: string | null;
  unread: { lead: number; staff: number };
  created_at: string;
  updated_at: string;
  deleted_at: string | null;
  deleted_by: string | null;
  hold: Hold | null;
};

export type ToolCall = {
  call_id: string;
  name: string;
  input: unknown;
  state: "called" | "done" | "failed";
  output: unknown;
  duration_ms: number | null;
};

export type Usage = {
  input_tokens: number;
  output_tokens: number;
  source: "measured" | "estimated";
  cached_input_tokens?: number | null;
  /** `amount` is an exact decimal. */
  cost?: { amount: string; currency: string } | null;
};

export type Message = {
  id: string;
  conversation_id: string;
  turn_id: string;
  sequence: number;
  role: "user" | "assistant";
  content: string;
  status: "complete" | "failed" | "stopped";
  model_used: string | null;
  /** Seconds. */
  processing_time: number | null;
  usage: Usage | null;
  metadata: Record<string, unknown>;
  tool_calls?: ToolCall[];
  attempts?: { model: string; status: string; code: string | null; duration_ms: number }[];
  author?: { type: "staff" } & Person;
  feedback: { rating: "up" | "down"; comment?: string } | null;
  created_at: string;
  deleted_at: string | null;
  deleted_by: string | null;
};

export type Note = { id: string; text: string; author: Person | null; created_at: string };
export type Handling = {
  at: string;
  action: "take_over" | "give_back" | "hand_over";
  reason: string | null;
  by: Person | null;
};

export type Hit = {
  message: Message;
  conversation: { id: string; title: string; entity_type: EntityType; entity_id: string };
  ranges: [number, number][];
};

export type Context = {
  max_context_length: number;
  max_input_tokens: number | null;
  instructions_tokens: number;
  tools_tokens: number;
  summary: { upto_sequence: number; tokens: number; text: string } | null;
  total_tokens: number;
  messages: { message_id: string; sequence: number; role: "user" | "assistant"; tokens: number }[];
  left_out: { reason: string; messages: number; first_sequence: number; last_sequence: number }[];
};

export type Tool = {
  name: string;
  description: string;
  url: string;
  timeout_ms: number;
  parameters: unknown;
  secret_header: { name: string; has_secret: boolean } | null;
};

export type Knowledge = { question: string; answer: string };
export type Agent = {
  id: string;
  name: string;
  description: string;
  instructions: string;
  model: string | string[];
  temperature: number | null;
  max_output_tokens: number | null;
  greeting: string;
  knowledge: Knowledge[];
  allowed_origins: string[];
  lead_form: "none" | "optional" | "required";
  status: "active" | "inactive";
  max_context_length: number;
  tools: Tool[];
  updated_at: string;
  deleted_at: string | null;
  [member: string]: unknown;
};

export type Lead = {
  id: string;
  agent_id: string | null;
  external_id: string | null;
  first_name: string | null;
  last_name: string | null;
  email: string | null;
  phone: string | null;
  source: string | null;
  consent_data_processing: boolean;
  consent_marketing: boolean;
  created_at: string;
  deleted_at: string | null;
  erased_at: string | null;
  hold: Hold | null;
};

export type User = {
  id: string;
  issuer: string | null;
  external_id: string | null;
  name: string | null;
  email: string | null;
  role: "member" | "admin";
  created_at: string;
};

export type Erasure = {
  id: string;
  kind: "lead" | "user" | "conversation";
  status: "running" | "done";
  subject_hash: string;
  requested_by: string;
  began_at: string;
  done_at: string | null;
  stores: { store: string; rows: number }[];
  receipt: string | null;
};
