/** Says that staff has read what is on the screen, once somebody looks at it. */
import { useEffect, useRef } from "react";
import { usePutRow } from "../inbox/use-inbox.ts";
import { useSession } from "../session.tsx";
import type { Conversation } from "../types.ts";

export function useReadMark(conversation: Conversation | undefined, last: number | undefined, mayWrite: boolean): void {
  const { api } = useSession();
  const putRow = usePutRow();
  const seen = useRef(0);
  const unread = conversation?.unread.staff ?? 0;
  const id = conversation?.id;
  useEffect(() => {
    if (!mayWrite || !id || last === undefined || unread === 0) return;
    const read = () => {
      if (document.visibilityState !== "visible" || last <= seen.current) return;
      seen.current = last;
      api
        .send<{ conversation: Conversation }>("POST", `/conversation/${id}/read`, { body: { sequence: last } })
        .then((answer) => putRow(answer.conversation))
        .catch(() => {
          seen.current = 0;
        });
    };
    read();
    document.addEventListener("visibilitychange", read);
    return () => document.removeEventListener("visibilitychange", read);
  }, [api, id, last, unread, mayWrite, putRow]);
}
