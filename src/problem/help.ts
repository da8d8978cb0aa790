/** What each problem means and what to do about it: the text behind the `type` address of a problem document. */
import type { ProblemCode } from "./problem.ts";

export const PROBLEM_HELP: Record<ProblemCode, string> = {
  malformed_request: "The request could not be understood as HTTP. Check its headers and its path.",
  malformed_json:
    "The body is not JSON in UTF-8, is empty, or is nested too deeply. Check what your client serialised.",
  invalid_cursor:
    "A cursor is only good for the list, the filter and the caller that it was made for, and is not to be edited. Begin the list again without one.",
  unauthorized:
    "No credential was sent, or it is wrong, expired or revoked. Send X-API-Key with X-API-Secret, or a Bearer token; a Bearer token decides alone.",
  forbidden:
    "The credential is good but may not do this kind of thing: it lacks the scope, or the route is not open to visitors. This says nothing about the object.",
  origin_not_allowed:
    "The website is not among the agent's allowed_origins. Add its origin (scheme://host[:port]) to the agent.",
  not_found:
    "There is nothing at this address that this credential can see. Unknown, malformed, deleted and somebody else's ids all look like this.",
  method_not_allowed: "The address exists, but not with this method. The header Allow lists those that it has.",
  conflict: "Something with the same name or identity exists already.",
  agent_inactive: "The agent is paused. Set its status to active, or choose another agent.",
  turn_in_progress:
    "Another turn of this conversation is running and on_busy was reject. Wait for it, or send on_busy as enqueue or interrupt.",
  no_turn_running: "There is no running turn to stop: it has ended already, or it is another one than turn_id says.",
  turn_stopped:
    "The turn was stopped while it still waited, so that no model was asked. The message can be sent again.",
  legal_hold:
    "Somebody has put a hold on this conversation, on its visitor, or on a conversation of theirs: nothing of it goes for good. Take the hold away first.",
  message_deleted:
    "The turn that this request repeats has a message that was deleted since, so its answer is not given again.",
  payload_too_large: "The body may have at most 1 MiB.",
  uri_too_long: "A query string may have at most 4,096 characters. Narrow the list by fewer or shorter filters.",
  unsupported_media_type: "Send the body as JSON, with the header Content-Type: application/json.",
  validation_failed:
    "The JSON is fine, but a member or a parameter is not. The member errors of the document names each of them and what is wrong.",
  idempotency_mismatch:
    "This Idempotency-Key was used with another body before. Use a new key for a new request, and the same body for a repeated one.",
  rate_limited: "Too many requests in a short time. Wait as long as Retry-After says.",
  turn_queue_full: "Sixteen turns of this conversation are waiting already. Wait as long as Retry-After says.",
  budget_exhausted:
    "A budget for the company, the agent or you is used up for its day or month. Retry-After and resets_at say when it begins anew; a message that was refused at once is not stored.",
  budget_unpriced:
    "A budget in money applies, and the model has no price in its currency. Say what it costs: PUT /model-provider/{name}/prices.",
  internal_error: "A fault on our side. It has been logged under the request id; quote it when you ask for help.",
  model_error:
    "The language model failed, refused, or broke off. Your message is stored; sending it again with the same Idempotency-Key asks the model again.",
  identity_provider_unavailable:
    "The identity provider that made the token does not publish its keys at present, so the token could not be checked. It may well be good: send the same request again after what Retry-After says.",
  model_unavailable:
    "The language model is overloaded or cannot be reached. Your message is stored; sending it again with the same Idempotency-Key asks the model again.",
  store_unavailable: "The database is overloaded or cannot be reached. Try again after what Retry-After says.",
  output_invalid:
    "The language model's answer does not fit the output_schema of the request, and neither did its second try. Your message is stored; sending it again with the same Idempotency-Key asks the model again.",
  model_timeout:
    "The language model took too long. Your message is stored; sending it again with the same Idempotency-Key asks the model again.",
};
