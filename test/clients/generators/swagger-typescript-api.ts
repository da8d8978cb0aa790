import { Api, type HttpResponse, type Problem } from "./out/swagger-typescript-api/api";
import { contentOf, type Service, type Told } from "./story";

export async function tell({ baseUrl, headers, agentId }: Service): Promise<Told> {
  const { conversation: api } = new Api({ baseUrl, baseApiParams: { headers } });
  const made = await api.postConversation({ agent_id: agentId, title: "Hello" });
  const { id, title } = made.data.conversation;
  const said = await api.postConversationByIdChat(id, { message: "hello" });
  const texts: string[] = [];
  for (let cursor: string | undefined; ;) {
    const { data } = await api.getConversationByIdMessages(id, { per_page: 1, cursor });
    texts.push(...data.messages.map(({ content }) => content));
    if (data.pagination.next_cursor === null) break;
    cursor = data.pagination.next_cursor;
  }
  const deleted = await api.deleteConversationById(id);
  const restored = await api.patchConversationByIdRestore(id);
  const refused = await api.postConversation({ agent_id: "none" }).then(
    () => null,
    (error: HttpResponse<unknown, Problem>) => error,
  );
  return {
    title,
    reply: contentOf(said.data),
    texts,
    states: ["conversation" in deleted.data ? deleted.data.conversation.status : "", restored.data.conversation.status],
    problem: refused?.error.code ?? "",
  };
}
