/** Where staff writes: an answer to the visitor, or a note that only colleagues see. */
import { Send, StickyNote } from "lucide-react";
import { type KeyboardEvent, useEffect, useRef, useState } from "react";
import type { Typist } from "../live.ts";
import { useSession } from "../session.tsx";
import type { Conversation, Message, Note } from "../types.ts";
import { useAction } from "../ui/action.ts";
import { isComposing } from "../ui/composing.ts";
import { say } from "../words.ts";
import { draftOf, keepDraft } from "./drafts.ts";
import { useTypingSign } from "./use-typing-sign.ts";
import type { Actions } from "./use-conversation.ts";

type ComposerProps = {
  conversation: Conversation;
  typing: Typist[];
  actions: Actions;
  onSent: (message: Message) => void;
};

export function Composer({ conversation, typing, actions, onSent }: ComposerProps) {
  const { api, me } = useSession();
  const { id, handler } = conversation;
  const [kind, setKind] = useState<"reply" | "note">("reply");
  const [text, setText] = useState(() => draftOf(id));
  const input = useRef<HTMLTextAreaElement>(null);
  const typingSign = useTypingSign(id);
  /** The same words sent again, after no answer came, are the same message. */
  const once = useRef({ text: "", key: "" });
  const other = handler && handler.entity_id !== me.entity_id ? handler : null;
  const isLocked = other !== null && kind === "reply";

  useEffect(() => keepDraft(id, text), [id, text]);

  const reply = useAction({
    run: async (message: string) => {
      if (once.current.text !== message) once.current = { text: message, key: crypto.randomUUID() };
      const headers = { "idempotency-key": once.current.key };
      return api.send<{ message: Message }>("POST", `/conversation/${id}/reply`, { body: { message }, headers });
    },
    stale: [`/conversation/${id}/handling`],
    onDone: (answer) => {
      once.current = { text: "", key: "" };
      onSent(answer.message);
      sent();
    },
  });
  const note = useAction({
    run: (message: string) => api.send<{ note: Note }>("POST", `/conversation/${id}/note`, { body: { text: message } }),
    stale: [`/conversation/${id}/notes`],
    done: say("noteSaved"),
    onDone: () => sent(),
  });
  const isBusy = reply.isPending || note.isPending;

  function sent() {
    setText("");
    typingSign.reset();
    actions.refresh();
    input.current?.focus();
  }
  const send = () => {
    if (text.trim() === "" || isBusy || isLocked) return;
    if (kind === "note") note.mutate(text.trim());
    else reply.mutate(text);
  };
  const press = (event: KeyboardEvent<HTMLTextAreaElement>) => {
    if (event.key !== "Enter" || event.shiftKey || isComposing(event)) return;
    event.preventDefault();
    send();
  };
  const others = typing.filter(({ entity_id }) => entity_id !== me.entity_id);
  return (
    <form
      className="composer"
      data-kind={kind}
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      {isLocked && (
        <p className="banner warn">
          <span className="grow">{say("collision", { name: other.name ?? say("colleague") })}</span>
          <button
            type="button"
            className="button"
            disabled={actions.takeOver.isPending}
            onClick={() => actions.takeOver.mutate(null)}
          >
            {say("takeOverFrom", { name: other.name ?? say("colleague") })}
          </button>
        </p>
      )}
      <div className="composer-kinds" role="group" aria-label={say("whatToWrite")}>
        <button type="button" className="chip" aria-pressed={kind === "reply"} onClick={() => setKind("reply")}>
          <Send aria-hidden="true" />
          {say("reply")}
        </button>
        <button type="button" className="chip" aria-pressed={kind === "note"} onClick={() => setKind("note")}>
          <StickyNote aria-hidden="true" />
          {say("note")}
        </button>
        <span className="muted grow hint-line" role="status">
          {others.length > 0
            ? others
                .map((one) => say("isTyping", { name: one.name ?? say(one.type === "lead" ? "visitor" : "colleague") }))
                .join(" ")
            : kind === "note"
              ? say("noteHint")
              : conversation.handled_by === "agent"
                ? say("replyTakesOver")
                : ""}
        </span>
      </div>
      <div className="composer-row">
        <textarea
          ref={input}
          id="composer"
          rows={2}
          dir="auto"
          maxLength={kind === "note" ? 10_000 : 32_000}
          value={text}
          disabled={isLocked}
          aria-label={say(kind === "note" ? "note" : "reply")}
          placeholder={say(kind === "note" ? "writeNote" : "writeReply")}
          onChange={(event) => {
            setText(event.target.value);
            if (kind === "reply" && event.target.value.trim() !== "") typingSign.sign();
          }}
          onKeyDown={press}
        />
        <button type="submit" className="button primary" disabled={isBusy || isLocked || text.trim() === ""}>
          {say(kind === "note" ? "saveNote" : "send")}
        </button>
      </div>
    </form>
  );
}
