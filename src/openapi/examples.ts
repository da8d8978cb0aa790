/** Bodies of requests as they may be sent, by the id of the operation; several where a body has several forms. */
import { AGENT_ID, CONVERSATION_ID, DELETION_ID, MESSAGE_ID, TURN_ID } from "./sample.ts";

type Example = { summary: string; value: object };

const one = (summary: string, value: object): Record<string, Example> => ({ default: { summary, value } });

const HOLD = one("Because of a lawsuit", { reason: "Case 4 O 123/26" });
const AGENT = {
  minimal: {
    summary: "An agent that answers from questions and answers, without a language model",
    value: {
      name: "Fern & Field",
      model: "builtin/faq",
      greeting: "Hello! Ask me about our plants.",
      knowledge: [{ question: "When are you open?", answer: "Monday to Friday from 9:00 to 18:30." }],
      allowed_origins: ["https://www.example.com"],
    },
  },
  model: {
    summary: "An agent with a language model, a second one in case the first is away, and a tool",
    value: {
      name: "Support",
      instructions: "You help the customers of a plant shop, briefly and kindly.",
      model: ["openai/gpt-5-mini", "anthropic/claude-haiku-4-5", "builtin/faq"],
      temperature: 0.3,
      tools: [
        {
          name: "order_status",
          description: "How far an order is.",
          parameters: { type: "object", properties: { order: { type: "string" } }, required: ["order"] },
          url: "https://shop.example.com/tools/order-status",
          secret_header: { name: "Authorization", value: "Bearer a-secret-of-yours" },
        },
      ],
    },
  },
};
const REGISTRATION = one("A visitor who gives a name", {
  agent_id: AGENT_ID,
  first_name: "Ada",
  email: "ada@example.com",
  source: "https://www.example.com/plants",
  consent_data_processing: true,
});
const REFRESH = one("The refresh token of the answer before", {
  refresh_token: "eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl",
});
const MERGE = one("The visitor whom registering made", { anonymous_token: "eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl" });
const LEAD = one("A corrected name; the telephone number is taken out", { last_name: "Lovelace", phone: null });

export const REQUESTS: Record<string, Record<string, Example>> = {
  post_conversation: {
    minimal: { summary: "With an agent", value: { agent_id: AGENT_ID } },
    whole: {
      summary: "With a title, your own data and a longer memory",
      value: { agent_id: AGENT_ID, title: "Opening hours", metadata: { ticket: "T-1042" }, max_context_length: 50 },
    },
  },
  patch_conversation_by_id: one("A new title, and out of the way", { title: "Opening hours", status: "archived" }),
  post_conversation_by_id_chat: {
    message: { summary: "A message", value: { message: "Are you open on Saturday?" } },
    interrupt: {
      summary: "One that stops the turn which still runs",
      value: { message: "I meant Sunday.", on_busy: "interrupt" },
    },
    structured: {
      summary: "One whose reply has to be JSON of a schema",
      value: {
        message: "How does this customer feel?",
        output_schema: { type: "object", properties: { mood: { enum: ["good", "bad"] } }, required: ["mood"] },
      },
    },
    "ai-sdk": {
      summary: "As useChat of the Vercel AI SDK sends it; the answer is a UI message stream",
      value: { messages: [{ id: "m1", role: "user", parts: [{ type: "text", text: "Are you open on Saturday?" }] }] },
    },
  },
  post_conversation_by_id_chat_stop: one("This turn and no other", { turn_id: TURN_ID }),
  post_chat_completions: {
    start: {
      summary: "A new conversation",
      value: { model: AGENT_ID, messages: [{ role: "user", content: "Are you open on Saturday?" }] },
    },
    continue: {
      summary: "One that goes on, as a stream",
      value: {
        model: AGENT_ID,
        conversation: CONVERSATION_ID,
        messages: [{ role: "user", content: "And on Sunday?" }],
        stream: true,
      },
    },
  },
  post_conversation_by_id_take_over: one("For half an hour", { return_after_seconds: 1800 }),
  post_conversation_by_id_reply: one("An answer", { message: "Hello, this is Grace. On Saturdays we close at four." }),
  post_conversation_by_id_note: one("A note", { text: "Wants a callback on Monday." }),
  post_conversation_by_id_read: one("Up to the second message", { sequence: 2 }),
  patch_conversation_by_id_message_restore_all: one("What one bulk delete removed", { deletion_id: DELETION_ID }),
  put_conversation_by_id_hold: HOLD,
  put_message_by_id_feedback: one("Thumbs up", { rating: "up", comment: "Just what I wanted to know." }),
  post_agent: AGENT,
  put_agent_by_id: AGENT,
  ...Object.fromEntries(
    ["lead", "sdk_lead"].flatMap((base) => [
      [`post_${base}_register`, REGISTRATION],
      [`post_${base}_refresh`, REFRESH],
      [`post_${base}_merge`, MERGE],
      [`put_${base}_by_id`, LEAD],
      [`put_${base}_by_id_hold`, HOLD],
    ]),
  ),
  post_analytic_export: one("November's leads, for a spreadsheet", {
    type: "leads",
    format: "csv",
    start_date: "2026-11-01",
    end_date: "2026-11-30",
  }),
  post_auth_token: {
    user: {
      summary: "For one of your staff",
      value: { entity_type: "user", external_id: "u-17", name: "Grace Hopper", email: "grace@example.com" },
    },
    lead: {
      summary: "For a customer of yours",
      value: { entity_type: "lead", external_id: "c-4711", expires_in: 900 },
    },
  },
  post_auth_api_keys: one("A key that may only read", { name: "Reporting", scopes: ["read"] }),
  post_auth_api_keys_by_id_rotate: one("The present secret works for another hour", { overlap_seconds: 3600 }),
  post_auth_issuer: one("With a token that shows whose provider it is", {
    issuer: "https://login.example.com/",
    audience: "https://api.example.com",
    role_claim: "roles",
    token: "eyJhbGciOiJSUzI1NiJ9.e30.c2lnbmF0dXJl",
  }),
  post_auth_sign_in_by_id: one("What the identity provider sent the browser back with", {
    code: "SplxlOBeZQQYbYS6WxSbIA",
    code_verifier: "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
    nonce: "n-0S6_WzA2Mj-q9Kd0cVTA",
  }),
  post_auth_issuer_by_id_verify: one("A good token of it", { token: "eyJhbGciOiJSUzI1NiJ9.e30.c2lnbmF0dXJl" }),
  put_model_provider_by_name: {
    openai: { summary: "OpenAI", value: { kind: "openai", api_key: "sk-your-key" } },
    compatible: {
      summary: "Anything that speaks OpenAI's protocol",
      value: { kind: "openai-compatible", base_url: "https://llm.example.com/v1", api_key: "your-key" },
    },
  },
  put_model_provider_by_name_prices: one("One model, in dollars for a million tokens", {
    "gpt-5-mini": { input: "0.25", cached_input: "0.025", output: "2.00", currency: "USD" },
  }),
  post_budget: {
    company: {
      summary: "Fifty euros a month for everything",
      value: { applies_to: "company", period: "month", amount: "50", currency: "EUR" },
    },
    lead: {
      summary: "So many tokens a day for every visitor; then a person answers",
      value: { applies_to: "each_lead", period: "day", tokens: 50_000, on_exhausted: "hand_over" },
    },
  },
  post_setup: one("The token of a link that was just printed", { token: "st_a-token-of-a-link", name: "Acme" }),
  post_model_provider_by_name_test: one("One of its models", { model: "gpt-5-mini" }),
  patch_company: one("Deleted things go after a month", {
    time_zone: "Europe/Berlin",
    retention: { deleted_days: 30 },
  }),
  post_webhook: one("What turns and leads do", {
    url: "https://example.com/hooks/conversations",
    events: ["turn.completed", "turn.failed", "lead.created"],
  }),
  put_webhook_by_id: one("Everything, with what it is about", {
    url: "https://example.com/hooks/conversations",
    payload: "full",
  }),
  post_webhook_by_id_replay: {
    delivery: { summary: "One delivery", value: { delivery_id: MESSAGE_ID } },
    period: {
      summary: "What happened in a night",
      value: { from: "2026-11-22T22:00:00Z", to: "2026-11-23T06:00:00Z" },
    },
  },
};
