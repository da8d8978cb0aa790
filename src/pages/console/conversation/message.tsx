/** A message as it is stored, what it took to make it, and what can be done with it. */
import { BookPlus, Copy, ThumbsDown, ThumbsUp, Trash2 } from "lucide-react";
import { memo, useState } from "react";
import { Markdown } from "../markdown.tsx";
import { useSession } from "../session.tsx";
import type { Conversation, Message } from "../types.ts";
import { Menu } from "../ui/menu.tsx";
import { complain } from "../ui/toast.tsx";
import { clockOf, exactly } from "../ui/time.tsx";
import { say } from "../words.ts";
import { Correct } from "./correct.tsx";
import { Facts } from "./facts.tsx";
import type { Actions } from "./use-conversation.ts";

type MessageProps = {
  message: Message;
  conversation: Conversation;
  actions: Actions;
  /** Why its turn failed, if that was seen. */
  failure: string | undefined;
  /** What it answers. */
  question: string;
};

export const MessageRow = memo(
  function MessageRow({ message, conversation, actions, failure, question }: MessageProps) {
    const { can, me } = useSession();
    const [isCorrecting, setCorrecting] = useState(false);
    const { role, author, content, status, feedback } = message;
    const isReply = role === "assistant";
    const copy = () => navigator.clipboard.writeText(content).catch(complain);
    return (
      <li
        className="message"
        data-role={role}
        data-author={author ? "staff" : undefined}
        data-status={status}
        data-sequence={message.sequence}
        tabIndex={-1}
      >
        <div className="message-head muted">
          <span className="message-who">{nameOf(message, conversation, me.entity_id)}</span>
          <time dateTime={message.created_at} title={exactly(message.created_at)}>
            {clockOf(message.created_at)}
          </time>
          {status !== "complete" && <span className="tag warn">{say(status === "failed" ? "failed" : "stopped")}</span>}
          {feedback && (
            <span className="tag" title={feedback.comment}>
              {feedback.rating === "up" ? (
                <ThumbsUp aria-label={say("goodAnswer")} />
              ) : (
                <ThumbsDown aria-label={say("badAnswer")} />
              )}
              {feedback.comment && <span className="clip-short">{feedback.comment}</span>}
            </span>
          )}
          <span className="message-menu">
            <Menu
              label={say("messageActions", { n: message.sequence })}
              items={[
                { label: say("copyText"), icon: <Copy />, run: () => void copy() },
                isReply &&
                  can("write") && { label: say("correct"), icon: <BookPlus />, run: () => setCorrecting(true) },
                can("write") && {
                  label: say("delete"),
                  icon: <Trash2 />,
                  isDanger: true,
                  run: () => actions.removeMessage.mutate(message.id),
                },
              ]}
            />
          </span>
        </div>
        {content !== "" && (
          <div className={isReply ? "bubble" : "bubble plain"} dir="auto">
            {isReply ? <Markdown text={content} /> : content}
          </div>
        )}
        {failure !== undefined && !isReply && (
          <p className="wrong" role="alert">
            {say("turnFailed")} {failure}
          </p>
        )}
        {isReply && !author && <Facts message={message} />}
        {isCorrecting && (
          <Correct
            agentId={conversation.agent_id}
            question={question}
            answer={content}
            onClose={() => setCorrecting(false)}
          />
        )}
      </li>
    );
  },
  // Actions are made anew with each drawing, and always do the same.
  (before, after) =>
    before.message === after.message && before.failure === after.failure && before.question === after.question,
);

function nameOf({ role, author }: Message, conversation: Conversation, me: string): string {
  if (author) return author.entity_id === me ? say("you") : (author.name ?? say("colleague"));
  if (role === "assistant") return say("agent");
  return say(conversation.entity_type === "lead" ? "visitor" : "user");
}
