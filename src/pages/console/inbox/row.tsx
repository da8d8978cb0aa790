/** One conversation in the inbox. */
import { Archive, Clock, Headset, Lock } from "lucide-react";
import { memo } from "react";
import { Link } from "wouter";
import { useSession } from "../session.tsx";
import type { Conversation } from "../types.ts";
import { ago, useNow } from "../ui/time.tsx";
import { say } from "../words.ts";

type RowProps = { row: Conversation; href: string; isOpen: boolean; agentName: string };

export const Row = memo(function Row({ row, href, isOpen, agentName }: RowProps) {
  const now = useNow();
  const { me } = useSession();
  const at = row.last_message_at ?? row.created_at;
  const isMine = row.handler?.entity_id === me.entity_id;
  const isUnread = row.unread.staff > 0;
  return (
    <Link
      href={href}
      className="inbox-row"
      aria-current={isOpen ? "true" : undefined}
      data-unread={isUnread ? "" : undefined}
    >
      <span className="inbox-row-top">
        <span className="inbox-row-title" dir="auto">
          {row.title}
        </span>
        <time dateTime={at} className="muted">
          {ago(at, now)}
        </time>
      </span>
      <span className="inbox-row-bottom">
        <span className="muted inbox-row-agent">{agentName}</span>
        {row.metadata["console_test"] === true && <span className="tag">{say("test")}</span>}
        {row.status === "archived" && <Archive className="small-icon" aria-label={say("statusArchived")} />}
        {row.hold && <Lock className="small-icon" aria-label={say("held")} />}
        {row.waiting_since && (
          <span className="tag warn">
            <Clock aria-hidden="true" />
            {say("waiting")}
          </span>
        )}
        {row.handled_by === "staff" && (
          <span className={isMine ? "tag mine" : "tag"}>
            <Headset aria-hidden="true" />
            {isMine ? say("you") : (row.handler?.name ?? say("colleague"))}
          </span>
        )}
        {isUnread && (
          <span className="badge" aria-label={say("unreadCount", { n: row.unread.staff })}>
            {row.unread.staff}
          </span>
        )}
      </span>
    </Link>
  );
});
