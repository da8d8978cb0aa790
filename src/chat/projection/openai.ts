/**
 * A turn in the form of OpenAI's chat completions: one `chat.completion`, or `chat.completion.chunk`s up to `[DONE]`.
 * The id is that of the stored reply, the model is the agent, and the conversation comes along as a member of its own.
 */
import { openAiError } from "../../problem/openai-error.ts";
import { problemDocument } from "../../problem/problem.ts";
import type { Frame } from "./follow.ts";
import type { Journal } from "../journal/journal.ts";
import type { Message } from "../message.ts";
import { type Outcome, ok } from "../outcome.ts";
import type { Chunks } from "../rpc.ts";
import { replyOf } from "./json.ts";
import type { Turn, TurnEvent } from "../turn.ts";

/** The body of the 200, or the problem that the turn ended with. */
export function completionOf(journal: Journal, turn: Turn): Outcome<string> {
  const held = turn.kind === "held";
  const reply = held ? ok(null) : replyOf(journal, turn);
  if (!reply.ok) return reply;
  const message = { role: "assistant", content: reply.value?.content ?? "", refusal: null };
  const choices = [{ index: 0, message, logprobs: null, finish_reason: "stop" }];
  const usage = reply.value && usageOf(reply.value);
  const envelope = envelopeOf(journal.header, turn, "chat.completion");
  return ok(
    JSON.stringify({ ...envelope, choices, ...(usage ? { usage } : {}), conversation: conversationOf(journal, turn) }),
  );
}

/** An encoder of frames. Signs of life are chunks that say nothing; before the first chunk there is none. */
export function chunkEncoder(journal: Journal, links: { origin: string; request_id: string }, form: Chunks) {
  const header = journal.header;
  let latest: Turn | null = null;
  const chunk = (turn: Turn, choices: object[], more: object = {}) =>
    encode({
      ...envelopeOf(header, turn, "chat.completion.chunk"),
      choices,
      ...(form.include_usage ? { usage: null } : {}),
      ...more,
    });
  const open = (turn: Turn): string => {
    if (latest) return "";
    const conversation = conversationOf(journal, turn);
    return chunk(turn, choice({ role: "assistant", content: "", refusal: null }), { conversation });
  };
  const close = (turn: Turn, event: Extract<TurnEvent, { type: "response" }>): string => {
    if (event.error) {
      const details = { ...event.error, extra: { turn_id: turn.id } };
      return encode({ error: openAiError(problemDocument(details, links.origin, links.request_id)) });
    }
    const usage = event.message && usageOf(event.message);
    const last = form.include_usage ? chunk(turn, [], { usage }) : "";
    return chunk(turn, choice({}, "stop")) + last;
  };
  return ({ turn, event }: Frame): string => {
    if (!turn) return latest ? chunk(latest, choice({ content: "" })) : "";
    const opening = open(turn);
    latest = turn;
    if (turn.kind === "held" && event.type === "status" && event.status === "completed") {
      const last = { n: event.n, type: "response", status: "completed", message: null, error: null } as const;
      return `${opening}${close(turn, last)}data: [DONE]\n\n`;
    }
    if (event.type === "status" || event.type === "tool" || event.type === "message") return opening;
    if (event.type === "delta") return opening + chunk(turn, choice({ content: event.text }));
    return `${opening}${close(turn, event)}data: [DONE]\n\n`;
  };
}

const encode = (data: object) => `data: ${JSON.stringify(data)}\n\n`;

const choice = (delta: object, finish_reason: "stop" | null = null) => [
  { index: 0, delta, logprobs: null, finish_reason },
];

/** `created` is in seconds, and the same in everything that is said of one turn. */
const envelopeOf = (header: Journal["header"], turn: Turn, object: "chat.completion" | "chat.completion.chunk") => ({
  id: turn.reply_id,
  object,
  created: Math.floor(turn.created_at / 1000),
  model: header.agent_id,
});

const conversationOf = (journal: Journal, turn: Turn) => ({
  id: journal.header.id,
  turn_id: turn.id,
  message_id: turn.user_message_id,
});

/** Null where nothing was counted; `source` says by whom it was. */
function usageOf({ input_tokens, output_tokens, cached_input_tokens, usage_source, cost }: Message) {
  if (input_tokens === null || output_tokens === null) return null;
  return {
    prompt_tokens: input_tokens,
    completion_tokens: output_tokens,
    total_tokens: input_tokens + output_tokens,
    ...(cached_input_tokens === null ? {} : { prompt_tokens_details: { cached_tokens: cached_input_tokens } }),
    source: usage_source,
    cost,
  };
}
