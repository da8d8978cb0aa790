/**
 * The HTTP side of the floors that keep conversations: `POST /conversation`, `POST /conversation/<id>/chat`, and what one bare
 * select of a page costs: `GET /conversation?company=<id>`, `GET /conversation/<id>/messages`.
 */
import { uuidv7 } from "uuidv7";
import { insertConversation, selectConversations, selectMessages } from "./record.ts";

type ChatObject = Rpc.DurableObjectBranded & {
  chat(conversation_id: string, message: string): Promise<object>;
  chatStream(conversation_id: string, message: string): ReadableStream | Promise<ReadableStream>;
};

export type FloorEnv = { MODEL: string; DB: D1Database; CONVERSATION: DurableObjectNamespace<ChatObject> };

export async function serve(request: Request, env: FloorEnv): Promise<Response> {
  const { pathname, searchParams } = new URL(request.url);
  const id = pathname.split("/")[2];
  if (request.method === "GET") {
    const { results } = await (
      id ? selectMessages(env.DB, id) : selectConversations(env.DB, searchParams.get("company") ?? "")
    ).all();
    return Response.json({ results });
  }
  if (!id) {
    const fresh = uuidv7();
    await insertConversation(env.DB, fresh, Date.now()).run();
    return Response.json({ conversation: { id: fresh } });
  }
  const { message } = (await request.json()) as { message: string };
  const object = env.CONVERSATION.getByName(id);
  if (!request.headers.get("accept")?.includes("text/event-stream")) {
    return Response.json(await object.chat(id, message));
  }
  const stream = (await object.chatStream(id, message)) as ReadableStream;
  return new Response(stream, { headers: { "content-type": "text/event-stream" } });
}
