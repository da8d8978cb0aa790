/**
 * Deleted messages of one conversation, for whoever decides on restoring. The service lists those of the whole company, newest
 * deletion first: the latest five hundred are looked through.
 */
import { useQuery } from "@tanstack/react-query";
import { useSession } from "../session.tsx";
import type { Message } from "../types.ts";

const PAGES = 5;

export const DELETED = "/message/deleted";

export function useDeleted(id: string, isWanted: boolean) {
  const { api } = useSession();
  return useQuery({
    queryKey: [DELETED, id],
    enabled: isWanted,
    queryFn: async ({ signal }) => {
      type Page = { messages: Message[]; pagination: { next_cursor: string | null } };
      const found: Message[] = [];
      let cursor: string | undefined;
      for (let page = 0; page < PAGES; page++) {
        const { messages, pagination } = await api.get<Page>(DELETED, { per_page: 100, cursor }, signal);
        found.push(...messages.filter(({ conversation_id }) => conversation_id === id));
        if (pagination.next_cursor === null) break;
        cursor = pagination.next_cursor;
      }
      return found;
    },
  });
}
