import { createClient } from "./out/hey-api/client";
import * as sdk from "./out/hey-api/sdk.gen";
import { contentOf, present, type Service, type Told } from "./story";

export async function tell({ baseUrl, headers, agentId }: Service): Promise<Told> {
  const client = createClient({ baseUrl, headers });
  const made = await sdk.postConversation({ client, body: { agent_id: agentId, title: "Hello" } });
  const { id, title } = present(made.data).conversation;
  const said = await sdk.postConversationByIdChat({ client, path: { id }, body: { message: "hello" } });
  const texts: string[] = [];
  for (let cursor: string | undefined; ;) {
    const page = await sdk.getConversationByIdMessages({ client, path: { id }, query: { per_page: 1, cursor } });
    const { messages, pagination } = present(page.data);
    texts.push(...messages.map(({ content }) => content));
    if (pagination.next_cursor === null) break;
    cursor = pagination.next_cursor;
  }
  const deleted = present((await sdk.deleteConversationById({ client, path: { id } })).data);
  const restored = await sdk.patchConversationByIdRestore({ client, path: { id } });
  const refused = await sdk.postConversation({ client, body: { agent_id: "none" } });
  return {
    title,
    reply: contentOf(present(said.data)),
    texts,
    states: ["conversation" in deleted ? deleted.conversation.status : "", present(restored.data).conversation.status],
    problem: present(refused.error).code,
  };
}
