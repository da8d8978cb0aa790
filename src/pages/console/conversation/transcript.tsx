/** What was said, from the newest message up; older ones come as somebody scrolls there. */
import { ArrowDown, WifiOff } from "lucide-react";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import type { Conversation } from "../types.ts";
import { useSettled } from "../ui/settled.ts";
import { Empty, Failed, Loading } from "../ui/state.tsx";
import { say } from "../words.ts";
import { DayMark, DeletedRow, GapRow, LiveRow } from "./rows.tsx";
import { itemsOf } from "./history.ts";
import { MessageRow } from "./message.tsx";
import type { Actions } from "./use-conversation.ts";
import { useDeleted } from "./use-deleted.ts";
import type { useTranscript } from "./use-transcript.ts";

type TranscriptProps = {
  conversation: Conversation;
  transcript: ReturnType<typeof useTranscript>;
  actions: Actions;
  seek: number | null;
  /** Of the message that was sent last from here. */
  sent: string | null;
};

/** Pixels from the end within which the reader counts as being there. */
const NEAR = 80;
/** Milliseconds in which a new message is both here and counted. */
const SETTLED = 800;

export function Transcript({ conversation, transcript, actions, seek, sent }: TranscriptProps) {
  const { history, live, isPending, error, refetch, loadEarlier, hasEarlier } = transcript;
  const frame = useRef<HTMLDivElement>(null);
  const [isAtEnd, setAtEnd] = useState(true);
  // Sequences go up by one and are never reused: what was numbered and is not counted any more is deleted.
  const highest = useRef(0);
  highest.current = Math.max(highest.current, history?.messages.at(-1)?.sequence ?? 0);
  const missing = useSettled(highest.current - conversation.message_count, SETTLED);
  const deleted = useDeleted(conversation, missing).data;
  const items = useMemo(() => (history ? itemsOf(history, deleted ?? []) : []), [history, deleted]);
  const answered = new Set(history?.messages.flatMap(({ role, turn_id }) => (role === "assistant" ? [turn_id] : [])));
  const turns = live.turns.filter(({ turn_id }) => !answered.has(turn_id));

  // Whoever reads at the end stays there, whatever grows: a reply, a deleted message that is found, the space for writing.
  const list = useRef<HTMLOListElement>(null);
  const sticks = useRef(true);
  sticks.current = isAtEnd;
  useLayoutEffect(() => {
    if (isAtEnd && frame.current) frame.current.scrollTop = frame.current.scrollHeight;
  }, [isAtEnd]);
  useEffect(() => {
    const observer = new ResizeObserver(() => {
      if (sticks.current && frame.current) frame.current.scrollTop = frame.current.scrollHeight;
    });
    for (const element of [list.current, frame.current]) if (element) observer.observe(element);
    return () => observer.disconnect();
  }, [isPending]);

  // Older messages come in above what is read, which stays where it is.
  const height = useRef(0);
  const first = history?.messages[0]?.sequence ?? 0;
  const before = useRef(first);
  useLayoutEffect(() => {
    const box = frame.current;
    if (!box) return;
    if (first < before.current && !isAtEnd) box.scrollTop += box.scrollHeight - height.current;
    before.current = first;
    height.current = box.scrollHeight;
  });

  const wanted = useRef(seek);
  useEffect(() => {
    wanted.current = seek;
  }, [seek]);
  useEffect(() => {
    const sequence = wanted.current;
    if (sequence === null || !history) return;
    if (hasEarlier && first > sequence) return void loadEarlier();
    wanted.current = null;
    const row = frame.current?.querySelector<HTMLElement>(`[data-sequence="${sequence}"]`);
    if (!row) return;
    setAtEnd(false);
    row.scrollIntoView({ block: "center" });
    row.focus({ preventScroll: true });
  }, [history, hasEarlier, first, loadEarlier, seek]);

  // What one sends is seen, wherever one was reading.
  useEffect(() => {
    if (sent !== null) setAtEnd(true);
  }, [sent]);

  const scrolled = () => {
    const box = frame.current;
    if (!box) return;
    setAtEnd(box.scrollHeight - box.scrollTop - box.clientHeight < NEAR);
    if (box.scrollTop < 400) void loadEarlier();
  };

  if (isPending) return <Loading rows={6} />;
  if (error && !history) return <Failed error={error} retry={refetch} />;
  return (
    <div className="transcript-frame">
      {!live.isConnected && (
        <p className="offline" role="status">
          <WifiOff aria-hidden="true" />
          {say("reconnecting")}
        </p>
      )}
      <div className="transcript" ref={frame} onScroll={scrolled} tabIndex={0} role="log" aria-label={say("messages")}>
        {hasEarlier && <Loading rows={1} />}
        {items.length === 0 && turns.length === 0 && <Empty title={say("noMessages")} />}
        <ol className="messages" ref={list}>
          {items.map((item, index) => {
            const previous = items[index - 1];
            const at = item.kind === "gap" ? null : item.message.created_at;
            const earlier = previous && previous.kind !== "gap" ? previous.message.created_at : null;
            const key = item.kind === "gap" ? `gap ${item.from}` : item.message.id;
            return [
              at && at.slice(0, 10) !== earlier?.slice(0, 10) ? <DayMark key={`${key} day`} at={at} /> : null,
              item.kind === "message" ? (
                <MessageRow
                  key={key}
                  message={item.message}
                  conversation={conversation}
                  actions={actions}
                  failure={live.failures[item.message.turn_id]}
                  question={questionOf(items, index)}
                />
              ) : item.kind === "deleted" ? (
                <DeletedRow key={key} message={item.message} actions={actions} />
              ) : (
                <GapRow key={key} from={item.from} to={item.to} />
              ),
            ];
          })}
          {turns.map((turn) => (
            <LiveRow key={turn.turn_id} turn={turn} stop={() => actions.stop.mutate()} />
          ))}
        </ol>
      </div>
      {!isAtEnd && (
        <button type="button" className="button to-end" onClick={() => setAtEnd(true)}>
          <ArrowDown aria-hidden="true" />
          {say("toLatest")}
        </button>
      )}
    </div>
  );
}

/** What a reply answers: the last message of the visitor before it. */
function questionOf(items: ReturnType<typeof itemsOf>, index: number): string {
  for (let at = index - 1; at >= 0 && at > index - 10; at--) {
    const item = items[at];
    if (item?.kind === "message" && item.message.role === "user") return item.message.content;
  }
  return "";
}
