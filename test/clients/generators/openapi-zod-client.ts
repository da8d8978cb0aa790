import { isAxiosError } from "axios";
import { createApiClient } from "./out/openapi-zod-client/client";
import { contentOf, type Service, type Told } from "./story";

/** Every answer is held against its schema: this client throws where one does not fit. */
export async function tell({ baseUrl, headers, agentId }: Service): Promise<Told> {
  const api = createApiClient(baseUrl, { axiosConfig: { headers } });
  const made = await api.post_conversation({ agent_id: agentId, title: "Hello" });
  const { id, title } = made.conversation;
  const said = await api.post_conversation_by_id_chat({ message: "hello" }, { params: { id } });
  const texts: string[] = [];
  for (let cursor: string | undefined; ;) {
    const queries = { per_page: 1, ...(cursor === undefined ? {} : { cursor }) };
    const page = await api.get_conversation_by_id_messages({ params: { id }, queries });
    texts.push(...page.messages.map(({ content }) => content));
    if (page.pagination.next_cursor === null) break;
    cursor = page.pagination.next_cursor;
  }
  const deleted = await api.delete_conversation_by_id(undefined, { params: { id } });
  const restored = await api.patch_conversation_by_id_restore(undefined, { params: { id } });
  const refused: unknown = await api
    .post_conversation({ agent_id: crypto.randomUUID() })
    .catch((error: unknown) => error);
  return {
    title,
    reply: contentOf(said),
    texts,
    states: ["conversation" in deleted ? deleted.conversation.status : "", restored.conversation.status],
    problem: isAxiosError<{ code: string }>(refused) ? (refused.response?.data.code ?? "") : "",
  };
}
