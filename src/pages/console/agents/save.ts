/** Replacing an agent: the API takes a whole one, so that what is not changed is sent back as it is now. */
import type { Api } from "../api.ts";
import type { Agent } from "../types.ts";

/** What the service says itself, and tools: left out, they and their secrets stay as they are. */
const NOT_SENT = ["id", "company_id", "created_at", "updated_at", "deleted_at", "deleted_by", "tools"];

export const bodyOf = (agent: Agent): Record<string, unknown> =>
  Object.fromEntries(Object.entries(agent).filter(([name]) => !NOT_SENT.includes(name)));

/** Reads the agent and changes the members that `change` gives. */
export async function saveAgent(api: Api, id: string, change: (agent: Agent) => Partial<Agent>): Promise<Agent> {
  const { agent } = await api.get<{ agent: Agent }>(`/agent/${id}`);
  const body = { ...bodyOf(agent), ...change(agent) };
  return (await api.send<{ agent: Agent }>("PUT", `/agent/${id}`, { body })).agent;
}
