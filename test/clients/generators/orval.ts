import * as api from "./out/orval/api";
import { contentOf, type Service, type Told } from "./story";

export async function tell({ headers, agentId }: Service): Promise<Told> {
  const made = await api.postConversation({ agent_id: agentId, title: "Hello" }, { headers });
  if (made.status !== 201) throw new Error(`status ${made.status}`);
  const { id, title } = made.data.conversation;
  const said = await api.postConversationByIdChat(id, { message: "hello" }, { headers });
  if (said.status !== 200) throw new Error(`status ${said.status}`);
  const texts: string[] = [];
  for (let cursor: string | undefined; ;) {
    const page = await api.getConversationByIdMessages(id, { per_page: 1, cursor }, { headers });
    if (page.status !== 200) throw new Error(`status ${page.status}`);
    texts.push(...page.data.messages.map(({ content }) => content));
    const { next_cursor } = page.data.pagination;
    if (next_cursor === null) break;
    cursor = next_cursor;
  }
  const deleted = await api.deleteConversationById(id, {}, { headers });
  const restored = await api.patchConversationByIdRestore(id, { headers });
  if (deleted.status !== 200 || restored.status !== 200) throw new Error("not deleted and restored");
  const refused = await api.postConversation({ agent_id: "none" }, { headers });
  if (refused.status !== 404) throw new Error(`status ${refused.status}`);
  return {
    title,
    reply: contentOf(said.data),
    texts,
    states: [deleted.data.conversation.status, restored.data.conversation.status],
    problem: refused.data.code,
  };
}
