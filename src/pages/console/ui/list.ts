/** Lists of the API, page by page as somebody scrolls on. */
import { useInfiniteQuery } from "@tanstack/react-query";
import type { Query } from "../api.ts";
import { useSession } from "../session.tsx";

type Page = { pagination: { next_cursor: string | null; total?: number } };

/** `member` is where the rows are in the answer. The key begins with the path, so that a change there invalidates it. */
export function useList<T>(path: string, member: string, query: Query = {}, isEnabled = true) {
  const { api } = useSession();
  const result = useInfiniteQuery({
    queryKey: [path, query],
    enabled: isEnabled,
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam, signal }) =>
      api.get<Page & Record<string, T[]>>(path, { ...query, cursor: pageParam }, signal),
    getNextPageParam: ({ pagination }) => pagination.next_cursor ?? undefined,
  });
  const rows: T[] = result.data?.pages.flatMap((page) => page[member] ?? []) ?? [];
  return { ...result, rows, total: result.data?.pages[0]?.pagination.total };
}
