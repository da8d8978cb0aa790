/** A person by their id: oneself, a colleague whose name is known, or the id itself. */
import { useQuery } from "@tanstack/react-query";
import { useSession } from "../session.tsx";
import type { User } from "../types.ts";
import { say } from "../words.ts";

/** Names are for admins: everybody else sees the beginning of an id. */
export function Who({ id }: { id: string | null }) {
  const { api, me, can } = useSession();
  const isMe = id === me.entity_id;
  const { data } = useQuery({
    queryKey: ["/user", id],
    enabled: id !== null && !isMe && can("admin"),
    staleTime: 300_000,
    retry: false,
    queryFn: async ({ signal }) => (await api.get<{ user: User }>(`/user/${id}`, {}, signal)).user,
  });
  if (id === null) return <span>–</span>;
  if (isMe) return <span>{say("you")}</span>;
  return <span title={id}>{data?.name ?? data?.email ?? `${id.slice(0, 8)}…`}</span>;
}
