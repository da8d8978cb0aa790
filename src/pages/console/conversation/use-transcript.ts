/** The messages of one conversation: loaded page by page from the newest on, and kept as they are by its events. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useRef, useSyncExternalStore } from "react";
import type { Query } from "../api.ts";
import { LiveConversation } from "../live.ts";
import { useSession } from "../session.tsx";
import type { Message } from "../types.ts";
import { complain } from "../ui/toast.tsx";
import { type History, put, putEarlier } from "./history.ts";

const PER_PAGE = 60;
const MOST = 100;

type Page = { messages: Message[]; pagination: { next_cursor: string | null } };

export const transcriptKey = (id: string) => ["transcript", id];

/** `count` is how many live messages the service says there are: when that changes, what is loaded is looked at again. */
export function useTranscript(id: string, count: number, onChanged: () => void) {
  const { api } = useSession();
  const client = useQueryClient();
  const key = useMemo(() => transcriptKey(id), [id]);
  const page = useCallback(
    (query: Query, signal?: AbortSignal) =>
      api.get<Page>(`/conversation/${id}/messages`, { per_page: PER_PAGE, ...query }, signal),
    [api, id],
  );
  const change = useCallback(
    (edit: (history: History) => History) => client.setQueryData<History>(key, (known) => known && edit(known)),
    [client, key],
  );

  const result = useQuery({
    queryKey: key,
    staleTime: Infinity,
    gcTime: 60_000,
    refetchOnMount: "always",
    queryFn: async ({ signal }): Promise<History> => {
      const known = client.getQueryData<History>(key);
      const first = known?.messages[0]?.sequence;
      const newest = await page({ order: "desc" }, signal);
      let messages = newest.messages;
      let { next_cursor } = newest.pagination;
      // What was loaded before is loaded again, so that nothing deleted stays.
      while (first !== undefined && next_cursor !== null && (messages.at(-1)?.sequence ?? 0) > first) {
        const older = await page({ order: "desc", cursor: next_cursor }, signal);
        messages = [...messages, ...older.messages];
        next_cursor = older.pagination.next_cursor;
      }
      return { messages: messages.toReversed(), hasEarlier: next_cursor !== null };
    },
  });

  /** Messages behind the last that is known: one look at a time, and another one after it if there was reason to meanwhile. */
  const looking = useRef<"no" | "yes" | "again">("no");
  const catchUp = useCallback(async () => {
    if (looking.current !== "no") return void (looking.current = "again");
    try {
      do {
        looking.current = "yes";
        const last = client.getQueryData<History>(key)?.messages.at(-1)?.sequence;
        if (last === undefined) await client.refetchQueries({ queryKey: key });
        else {
          const { messages } = await page({ after_sequence: last, per_page: MOST });
          if (messages.length === MOST) looking.current = "again";
          change((history) => put(history, messages));
        }
      } while ((looking.current as string) === "again");
    } catch {
      // The next event, or the count, leads here again.
    } finally {
      looking.current = "no";
    }
  }, [client, key, page, change]);

  const changed = useRef(onChanged);
  changed.current = onChanged;
  const live = useMemo(
    () =>
      new LiveConversation(api, id, {
        onMessage: (message) => {
          change((history) => put(history, [message]));
          changed.current();
        },
        onNews: () => {
          void catchUp();
          changed.current();
        },
        onGone: () => changed.current(),
      }),
    [api, id, change, catchUp],
  );
  useEffect(() => {
    live.start();
    return () => live.stop();
  }, [live]);
  const now = useSyncExternalStore(live.subscribe, () => live.snapshot);

  const counted = useRef(count);
  useEffect(() => {
    if (count === counted.current) return;
    counted.current = count;
    void client.refetchQueries({ queryKey: key });
  }, [count, client, key]);

  const isLoadingEarlier = useRef(false);
  const first = result.data?.messages[0]?.sequence;
  const hasEarlier = result.data?.hasEarlier ?? false;
  const loadEarlier = useCallback(async () => {
    if (isLoadingEarlier.current || !hasEarlier || first === undefined) return;
    isLoadingEarlier.current = true;
    try {
      const older = await page({ order: "desc", before_sequence: first });
      change((history) => putEarlier(history, older.messages, older.pagination.next_cursor !== null));
    } catch (error) {
      complain(error);
    } finally {
      isLoadingEarlier.current = false;
    }
  }, [first, hasEarlier, page, change]);

  return { ...result, history: result.data, live: now, loadEarlier, hasEarlier, change };
}
