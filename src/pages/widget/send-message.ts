/** Sends a message of the visitor and hears its answer, if it has one: people answer when they get to it. */
import type { Item, WireMessage } from "./chat-item.ts";
import type { Client } from "./client.ts";
import { RequestFailed } from "./request.ts";
import type { ServerEvent } from "./sse.ts";

type WholeAnswer = { turn_id: string; message_id: string; reply: WireMessage | null };

/**
 * Under the name of the item, so that it is stored once however often it is sent. Resolves, after `hear` has seen every
 * event, to whether nobody has answered. Throws RequestFailed when the message is not known to have arrived.
 */
export async function sendMessage(
  client: Client,
  path: string,
  item: Item,
  hear: (event: ServerEvent) => void,
): Promise<boolean> {
  const request = {
    body: { message: item.content, metadata: { client_id: item.key } },
    headers: { "idempotency-key": item.key },
  };
  let isAccepted = false;
  let isAnswered = false;
  const asked = client.events("POST", `${path}/chat`, request, (event) => {
    isAccepted = true;
    isAnswered ||= event.event === "chat_response";
    hear(event);
  });
  const answer = await asked.catch((error: unknown) => {
    // Of an answer that broke off the follower hears the rest.
    if (!isAccepted) throw error;
    return null;
  });
  if (answer && !isAccepted) {
    const { turn_id, message_id, reply } = answer.json<WholeAnswer>();
    Object.assign(item, { id: message_id, turn_id, state: "done", problem: null });
    isAnswered = reply !== null;
    if (reply) hear({ id: "", event: "chat_message", data: { turn_id, message: reply } });
  }
  if (item.id === null) throw new RequestFailed("network");
  return answer !== null && !isAnswered;
}
