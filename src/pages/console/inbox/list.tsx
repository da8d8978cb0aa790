/** The list of the inbox. Only the rows that are seen are in the page, however many there are. */
import { useVirtualizer } from "@tanstack/react-virtual";
import { type KeyboardEvent, useEffect, useRef } from "react";
import { useAgents } from "../agents/use-agents.ts";
import { Empty, Failed, Loading } from "../ui/state.tsx";
import { say } from "../words.ts";
import { Row } from "./row.tsx";
import type { useInbox } from "./use-inbox.ts";

/** Pixels. */
const ROW = 72;
/** Conversations among which a filter that the service does not know looks by itself. */
const FAR = 1_000;

type ListProps = {
  inbox: ReturnType<typeof useInbox>;
  openId: string | undefined;
  hrefOf: (id: string) => string;
  onStep: (by: 1 | -1) => void;
};

export function InboxList({ inbox, openId, hrefOf, onStep }: ListProps) {
  const { rows, isPending, error, refetch, isWhole, isNarrowed, looked, total, loadOlder } = inbox;
  const frame = useRef<HTMLDivElement>(null);
  const { nameOf } = useAgents();
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => frame.current,
    estimateSize: () => ROW,
    getItemKey: (index) => rows[index]?.id ?? index,
    overscan: 8,
  });
  const items = virtual.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;

  // Older ones come before the end is reached; a narrow filter looks on until the page is full.
  const wantsMore = isNarrowed ? last >= rows.length - 10 && looked < FAR : last >= rows.length - 10;
  useEffect(() => {
    if (!isPending && !isWhole && wantsMore) void loadOlder();
  }, [isPending, isWhole, wantsMore, loadOlder]);

  const place = rows.findIndex(({ id }) => id === openId);
  useEffect(() => {
    if (place >= 0) virtual.scrollToIndex(place, { align: "auto" });
    // Only when another one is opened: a list that moves under the reader is left where it is.
  }, [openId]);

  const press = (event: KeyboardEvent) => {
    const by = ({ ArrowDown: 1, ArrowUp: -1 } as const)[event.key];
    if (!by) return;
    event.preventDefault();
    onStep(by);
  };
  // The keyboard follows the row that it opened.
  useEffect(() => {
    if (frame.current?.contains(document.activeElement))
      frame.current.querySelector<HTMLElement>('[aria-current="true"]')?.focus({ preventScroll: true });
  }, [openId, items.length]);

  if (isPending) return <Loading rows={8} />;
  if (error && rows.length === 0) return <Failed error={error} retry={refetch} />;
  return (
    <div className="inbox-scroll" ref={frame} onKeyDown={press}>
      {rows.length === 0 && <Empty title={say(isNarrowed || total > 0 ? "noMatch" : "noConversations")} />}
      <ul className="inbox-list" style={{ height: virtual.getTotalSize() }}>
        {items.map(({ index, start, key }) => {
          const row = rows[index];
          if (!row) return null;
          return (
            <li
              key={key}
              className="inbox-item"
              style={{ transform: `translateY(${start}px)`, height: ROW }}
              aria-setsize={isNarrowed ? rows.length : total}
              aria-posinset={index + 1}
            >
              <Row row={row} href={hrefOf(row.id)} isOpen={row.id === openId} agentName={nameOf(row.agent_id)} />
            </li>
          );
        })}
      </ul>
      {isNarrowed && !isWhole && looked >= FAR && (
        <p className="inbox-foot muted">
          {say("lookedThrough", { n: looked })}{" "}
          <button type="button" className="link" onClick={() => void loadOlder()}>
            {say("lookFurther")}
          </button>
        </p>
      )}
    </div>
  );
}
