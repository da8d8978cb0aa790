/** One conversation as it is now, and what can be done with it. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { Refused } from "../api.ts";
import { INBOX, usePutRow } from "../inbox/use-inbox.ts";
import { useSession } from "../session.tsx";
import type { Conversation, Erasure } from "../types.ts";
import { useAction } from "../ui/action.ts";
import { say } from "../words.ts";
import { transcriptKey } from "./use-transcript.ts";
import { DELETED } from "./use-deleted.ts";

/** Milliseconds between looks at who has it, which no event tells. */
const REFRESH = 3_000;

export const conversationKey = (id: string) => ["conversation", id];

/** Deleted, erased, or never there: the service does not say which. */
const isMissing = (error: unknown): boolean => error instanceof Refused && error.status === 404;

type Answer = { conversation: Conversation; erasure?: Erasure };

export function useConversation(id: string) {
  const { api } = useSession();
  const putRow = usePutRow();
  const result = useQuery({
    queryKey: conversationKey(id),
    queryFn: async ({ signal }) => (await api.get<Answer>(`/conversation/${id}`, {}, signal)).conversation,
    refetchInterval: (query) => (isMissing(query.state.error) ? false : REFRESH),
  });
  const { data } = result;
  useEffect(() => {
    if (data) putRow(data);
  }, [data, putRow]);
  return { ...result, conversation: data, isGone: isMissing(result.error) };
}

export function useConversationActions(id: string) {
  const { api } = useSession();
  const client = useQueryClient();
  const putRow = usePutRow();
  const path = `/conversation/${id}`;
  const put = ({ conversation }: Answer) => {
    client.setQueryData(conversationKey(id), conversation);
    putRow(conversation);
  };
  const refresh = () => {
    void client.invalidateQueries({ queryKey: transcriptKey(id) });
    void client.invalidateQueries({ queryKey: conversationKey(id) });
  };
  const edits = [DELETED, "/message/search", "context"];
  return {
    takeOver: useAction({
      run: (seconds: number | null) =>
        api.send<Answer>("POST", `${path}/take-over`, {
          body: seconds === null ? {} : { return_after_seconds: seconds },
        }),
      onDone: put,
      stale: [`${path}/handling`],
    }),
    giveBack: useAction({
      run: () => api.send<Answer>("POST", `${path}/give-back`),
      onDone: put,
      stale: [`${path}/handling`],
    }),
    change: useAction({
      run: (body: { title?: string; status?: "active" | "archived" }) => api.send<Answer>("PATCH", path, { body }),
      onDone: put,
      stale: [INBOX],
    }),
    remove: useAction({
      isQuiet: true,
      run: () => api.send<Answer>("DELETE", path),
      done: say("conversationDeleted"),
      onDone: () => void client.invalidateQueries({ queryKey: conversationKey(id) }),
      stale: [INBOX, "/conversation/deleted", "/message/search"],
    }),
    restore: useAction({
      run: () => api.send<Answer>("PATCH", `${path}/restore`),
      done: say("conversationRestored"),
      onDone: (answer) => {
        put(answer);
        refresh();
      },
      stale: [INBOX, "/conversation/deleted"],
    }),
    removeMessage: useAction({
      run: (message: string) => api.send("DELETE", `/message/${message}`),
      onDone: refresh,
      stale: edits,
    }),
    restoreMessage: useAction({
      run: (message: string) => api.send("PATCH", `/message/${message}/restore`),
      onDone: refresh,
      stale: edits,
    }),
    removeMessages: useAction({
      isQuiet: true,
      run: () => api.send<{ deleted: number }>("DELETE", `${path}/messages`),
      onDone: refresh,
      stale: edits,
    }),
    restoreMessages: useAction({
      run: () => api.send<{ restored: number }>("PATCH", `${path}/message/restore-all`),
      onDone: refresh,
      stale: edits,
    }),
    stop: useAction({ run: () => api.send("POST", `${path}/chat/stop`), onDone: refresh }),
    hold: useAction({
      run: (reason: string | null) =>
        reason === null
          ? api.send<Answer>("DELETE", `${path}/hold`)
          : api.send<Answer>("PUT", `${path}/hold`, { body: { reason } }),
      onDone: put,
    }),
    put,
    refresh,
  };
}

export type Actions = ReturnType<typeof useConversationActions>;
