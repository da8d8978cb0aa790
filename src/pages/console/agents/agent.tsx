/** One agent: its form, and a chat beside it to try what is saved. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useLocation } from "wouter";
import { useSession } from "../session.tsx";
import type { Agent } from "../types.ts";
import { useAction } from "../ui/action.ts";
import { Confirm } from "../ui/modal.tsx";
import { Menu } from "../ui/menu.tsx";
import { Page } from "../ui/page.tsx";
import { Failed, Loading } from "../ui/state.tsx";
import { complain } from "../ui/toast.tsx";
import { say } from "../words.ts";
import { AgentForm } from "./agent-form.tsx";
import { EmbedCode } from "./embed.tsx";
import { NEW_AGENT } from "./draft.ts";
import { bodyOf } from "./save.ts";
import { TestChat } from "./test-chat.tsx";

export function AgentPage({ id }: { id: string }) {
  const { api, can } = useSession();
  const [, navigate] = useLocation();
  const client = useQueryClient();
  const [isDeleting, setDeleting] = useState(false);
  // A form that somebody fills in is not replaced under their hands: it is a new one only after it was saved.
  const [saves, setSaves] = useState(0);
  const isNew = id === "new";
  const result = useQuery({
    queryKey: ["/agent", id],
    enabled: !isNew,
    refetchOnWindowFocus: false,
    queryFn: async ({ signal }) => (await api.get<{ agent: Agent }>(`/agent/${id}`, {}, signal)).agent,
  });
  const agent = isNew ? NEW_AGENT : result.data;
  const stale = ["/agent", "context"];
  const save = useAction({
    run: async ({ draft, tools }: { draft: Agent; tools: object[] | null }) => {
      const body = { ...bodyOf(draft), ...(tools ? { tools } : {}) };
      return isNew
        ? api.send<{ agent: Agent }>("POST", "/agent", { body })
        : api.send<{ agent: Agent }>("PUT", `/agent/${id}`, { body });
    },
    stale,
    done: say("saved"),
    isQuiet: true,
    onDone: ({ agent }) => {
      client.setQueryData(["/agent", agent.id], agent);
      if (isNew) navigate(`/agents/${agent.id}`, { replace: true });
      else setSaves((before) => before + 1);
    },
  });
  const remove = useAction({
    run: () => api.send("DELETE", `/agent/${id}`),
    stale,
    done: say("agentDeleted"),
    onDone: () => navigate("/agents"),
    isQuiet: true,
  });
  const copyId = () => navigator.clipboard.writeText(id).catch(complain);

  if (!agent) return result.error ? <Failed error={result.error} retry={result.refetch} /> : <Loading rows={6} />;
  const menu = !isNew && (
    <Menu
      label={say("more")}
      items={[
        { label: say("copyId"), run: () => void copyId() },
        can("write") && { label: say("deleteAgent"), isDanger: true, run: () => setDeleting(true) },
      ]}
    />
  );
  return (
    <Page title={isNew ? say("newAgent") : agent.name} actions={menu}>
      <div className="two">
        <div className="stack">
          <AgentForm key={saves} agent={agent} save={save} isReadOnly={!can("write")} />
          {!isNew && <EmbedCode id={id} />}
        </div>
        {!isNew && can("write") && <TestChat agent={agent} />}
      </div>
      {isDeleting && (
        <Confirm
          title={say("deleteAgent")}
          text={say("deleteAgentText", { name: agent.name })}
          action={say("delete")}
          onClose={() => setDeleting(false)}
          run={() => remove.mutateAsync()}
        />
      )}
    </Page>
  );
}
