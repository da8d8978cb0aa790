/** Rows of the transcript that are no stored message: days, what is deleted, and a reply that is being written. */
import { Square, Trash2, Wrench } from "lucide-react";
import { useSession } from "../session.tsx";
import { Markdown } from "../markdown.tsx";
import type { LiveTurn } from "../live.ts";
import type { Message } from "../types.ts";
import { clockOf, dateOf, Time } from "../ui/time.tsx";
import { say } from "../words.ts";
import { Who } from "./who.tsx";
import type { Actions } from "./use-conversation.ts";

export const DayMark = ({ at }: { at: string }) => (
  <li className="day">
    <span>{dateOf(at)}</span>
  </li>
);

export const GapRow = ({ from, to }: { from: number; to: number }) => (
  <li className="gone-row" data-sequence={from} tabIndex={-1}>
    <Trash2 aria-hidden="true" className="small-icon" />
    {from === to ? say("gapOne", { n: from }) : say("gapMany", { from, to })}
  </li>
);

export function DeletedRow({ message, actions }: { message: Message; actions: Actions }) {
  const { can } = useSession();
  return (
    <li className="message deleted" data-role={message.role} data-sequence={message.sequence} tabIndex={-1}>
      <div className="message-head muted">
        <Trash2 aria-hidden="true" className="small-icon" />
        <span>
          {say("deletedBy")} <Who id={message.deleted_by} />
        </span>
        {message.deleted_at && <Time at={message.deleted_at} />}
      </div>
      <div className="bubble plain" dir="auto">
        {message.content}
      </div>
      {can("write") && (
        <button
          type="button"
          className="link"
          disabled={actions.restoreMessage.isPending}
          onClick={() => actions.restoreMessage.mutate(message.id)}
        >
          {say("restore")}
        </button>
      )}
    </li>
  );
}

export function LiveRow({ turn, stop }: { turn: LiveTurn; stop: () => void }) {
  const { can } = useSession();
  return (
    <li className="message live" data-role="assistant" aria-busy="true">
      <div className="message-head muted">
        <span className="dots" aria-hidden="true">
          <i />
          <i />
          <i />
        </span>
        <span>{say("agentWrites")}</span>
        <time>{clockOf(new Date().toISOString())}</time>
        {can("write") && (
          <button type="button" className="link" onClick={stop}>
            <Square aria-hidden="true" className="small-icon" />
            {say("stop")}
          </button>
        )}
      </div>
      {turn.tools.map(({ call_id, name, state }) => (
        <p key={call_id} className="tool-line muted">
          <Wrench aria-hidden="true" className="small-icon" />
          <code>{name}</code> {say(state === "called" ? "toolRuns" : state === "done" ? "toolDone" : "toolFailed")}
        </p>
      ))}
      {turn.text !== "" && (
        <div className="bubble">
          <Markdown text={turn.text} />
        </div>
      )}
    </li>
  );
}
