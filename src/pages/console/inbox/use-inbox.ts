/** The conversations of a filter, live: the newest page is asked for every few seconds, older ones when somebody scrolls there. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useMemo, useRef } from "react";
import { useLocation, useSearchParams } from "wouter";
import type { Api, Query } from "../api.ts";
import { useSession } from "../session.tsx";
import type { Conversation } from "../types.ts";
import { complain } from "../ui/toast.tsx";
import { type Filter, filterOf, isNarrower, OPEN, queryOf, testOf } from "./filter.ts";
import { putHead, putOlder, putRow, type Rows } from "./merge.ts";

/** Milliseconds between looks, while the tab is seen and while it is not. */
const REFRESH = 4_000;
const UNSEEN = 30_000;
const PER_PAGE = 50;

export const INBOX = "inbox";

async function read(api: Api, query: Query, signal?: AbortSignal): Promise<Rows> {
  type Page = { conversations: Conversation[]; pagination: { total: number; next_cursor: string | null } };
  const page = await api.get<Page>("/conversation", { ...query, per_page: PER_PAGE }, signal);
  return { rows: page.conversations, cursor: page.pagination.next_cursor, total: page.pagination.total };
}

/** `isWatching` is false where somebody else looks at the same again and again. */
export function useInbox(filter: Filter, isWatching = true) {
  const { api, me } = useSession();
  const client = useQueryClient();
  const query = queryOf(filter);
  const key = [INBOX, query];
  const result = useQuery({
    queryKey: key,
    queryFn: async ({ signal }) => {
      const head = await read(api, query, signal);
      return putHead(client.getQueryData<Rows>(key), head);
    },
    refetchInterval: () => isWatching && (document.hidden ? UNSEEN : REFRESH),
    refetchIntervalInBackground: true,
  });

  const isLoading = useRef(false);
  const { data } = result;
  const cursor = data?.cursor ?? null;
  const loadOlder = useCallback(async () => {
    if (isLoading.current || cursor === null) return;
    isLoading.current = true;
    try {
      const page = await read(api, { ...query, cursor });
      client.setQueryData<Rows>(key, (known) => known && putOlder(known, page));
    } catch (error) {
      complain(error);
    } finally {
      isLoading.current = false;
    }
  }, [cursor, JSON.stringify(key)]);

  const rows = useMemo(() => (data?.rows ?? []).filter(testOf(filter, me.entity_id)), [data, JSON.stringify(filter)]);
  return {
    ...result,
    rows,
    looked: data?.rows.length ?? 0,
    total: data?.total ?? 0,
    isWhole: cursor === null,
    isNarrowed: isNarrower(filter),
    loadOlder,
  };
}

/** Puts a conversation as it is now into every list that shows it. */
export function usePutRow() {
  const client = useQueryClient();
  return useCallback(
    (row: Conversation) => client.setQueriesData<Rows>({ queryKey: [INBOX] }, (known) => known && putRow(known, row)),
    [client],
  );
}

const isSame = (a: Query, b: Query): boolean => JSON.stringify(a) === JSON.stringify(b);

const WAITING: Filter = { ...OPEN, waiting: true };
const MINE: Filter = { ...OPEN, handled: "me", unread: true };

/** How many conversations wait for a person, or for an answer of whoever is signed in. */
export function useAttention(): number {
  const [location] = useLocation();
  const [search] = useSearchParams();
  const isShown = (filter: Filter) =>
    location.startsWith("/inbox") && isSame(queryOf(filterOf(search)), queryOf(filter));
  const waiting = useInbox(WAITING, !isShown(WAITING));
  const mine = useInbox(MINE, !isShown(MINE));
  return waiting.total + mine.rows.length;
}
