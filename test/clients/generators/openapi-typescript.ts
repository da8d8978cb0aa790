import createClient from "openapi-fetch";
import type { paths } from "./out/openapi-typescript/api";
import { contentOf, present, type Service, type Told } from "./story";

export async function tell({ baseUrl, headers, agentId }: Service): Promise<Told> {
  const api = createClient<paths>({ baseUrl, headers });
  const made = await api.POST("/conversation", { body: { agent_id: agentId, title: "Hello" } });
  const { id, title } = present(made.data).conversation;
  const params = { path: { id } };
  const said = await api.POST("/conversation/{id}/chat", { params, body: { message: "hello", on_busy: "enqueue" } });
  const texts: string[] = [];
  for (let cursor: string | undefined; ;) {
    const query = { per_page: 1, cursor };
    const page = await api.GET("/conversation/{id}/messages", { params: { ...params, query } });
    const { messages, pagination } = present(page.data);
    texts.push(...messages.map(({ content }) => content));
    if (pagination.next_cursor === null) break;
    cursor = pagination.next_cursor;
  }
  const deleted = present((await api.DELETE("/conversation/{id}", { params })).data);
  const restored = await api.PATCH("/conversation/{id}/restore", { params });
  const refused = await api.POST("/conversation", { body: { agent_id: "none" } });
  return {
    title,
    reply: contentOf(present(said.data)),
    texts,
    states: ["conversation" in deleted ? deleted.conversation.status : "", present(restored.data).conversation.status],
    problem: present(refused.error).code,
  };
}
