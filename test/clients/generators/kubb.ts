import * as api from "./out/kubb/index";
import { contentOf, type Service, type Told } from "./story";

export async function tell({ baseUrl: baseURL, headers, agentId }: Service): Promise<Told> {
  // Its fetch says nothing of what a body is.
  const config = { baseURL, headers: { ...headers, "Content-Type": "application/json" } };
  const made = await api.postConversation({ agent_id: agentId, title: "Hello" }, undefined, config);
  const { id, title } = made.conversation;
  const said = await api.postConversationByIdChat(id, { message: "hello" }, undefined, config);
  const texts: string[] = [];
  for (let cursor: string | undefined; ;) {
    const page = await api.getConversationByIdMessages(id, { per_page: 1, cursor }, undefined, config);
    texts.push(...page.messages.map(({ content }) => content));
    if (page.pagination.next_cursor === null) break;
    cursor = page.pagination.next_cursor;
  }
  const deleted = await api.deleteConversationById(id, undefined, config);
  const restored = await api.patchConversationByIdRestore(id, config);
  const refused = (await api.postConversation({ agent_id: "none" }, undefined, config)) as unknown as { code: string };
  return {
    title,
    reply: contentOf(said),
    texts,
    states: ["conversation" in deleted ? deleted.conversation.status : "", restored.conversation.status],
    problem: refused.code,
  };
}
