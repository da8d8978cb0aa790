/**
 * Deleted messages of one conversation, for whoever decides on restoring. The service lists those of the whole company, newest
 * deletion first: the latest five hundred are looked through.
 */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useSession } from "../session.tsx";
import type { Conversation, Message } from "../types.ts";

const PAGES = 5;

export const DELETED = "/message/deleted";

/** `missing` is how many are known to be deleted: when that changes, the list is looked at again. */
export function useDeleted({ id, created_at }: Conversation, missing: number) {
  const { api } = useSession();
  return useQuery({
    queryKey: [DELETED, id, missing],
    placeholderData: keepPreviousData,
    queryFn: async ({ signal }) => {
      type Page = { messages: Message[]; pagination: { next_cursor: string | null } };
      const found: Message[] = [];
      let cursor: string | undefined;
      for (let page = 0; page < PAGES; page++) {
        const { messages, pagination } = await api.get<Page>(DELETED, { per_page: 100, cursor }, signal);
        found.push(...messages.filter(({ conversation_id }) => conversation_id === id));
        const isBefore = (messages.at(-1)?.deleted_at ?? "") < created_at;
        if (pagination.next_cursor === null || isBefore) break;
        cursor = pagination.next_cursor;
      }
      return found;
    },
  });
}
