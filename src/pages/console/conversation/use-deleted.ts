/** Deleted messages of one conversation, for whoever decides on restoring: the five hundred that were deleted last. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useSession } from "../session.tsx";
import type { Conversation, Message } from "../types.ts";

const PAGES = 5;

export const DELETED = "/message/deleted";

/** `missing` is how many are known to be deleted: when that changes, the list is looked at again. */
export function useDeleted({ id }: Conversation, missing: number) {
  const { api } = useSession();
  return useQuery({
    queryKey: [DELETED, id, missing],
    placeholderData: keepPreviousData,
    queryFn: async ({ signal }) => {
      type Page = { messages: Message[]; pagination: { next_cursor: string | null } };
      const found: Message[] = [];
      let cursor: string | undefined;
      for (let page = 0; page < PAGES; page++) {
        const query = { conversation_id: id, per_page: 100, cursor };
        const { messages, pagination } = await api.get<Page>(DELETED, query, signal);
        found.push(...messages);
        if (pagination.next_cursor === null) break;
        cursor = pagination.next_cursor;
      }
      return found;
    },
  });
}
