/** What is asked before something is done with a whole conversation. */
import { useState } from "react";
import { useSession } from "../session.tsx";
import type { Conversation, Erasure } from "../types.ts";
import { Field } from "../ui/field.tsx";
import { Confirm, Modal } from "../ui/modal.tsx";
import { showReceipt } from "../ui/receipt.tsx";
import { say } from "../words.ts";
import type { Actions } from "./use-conversation.ts";

export type Asking = "rename" | "hold" | "deleteMessages" | "delete" | "purge";

type DialogsProps = { asking: Asking; conversation: Conversation; actions: Actions; onClose: () => void };

export function Dialogs({ asking, conversation, actions, onClose }: DialogsProps) {
  const { api } = useSession();
  if (asking === "rename")
    return (
      <Ask
        title={say("rename")}
        label={say("title")}
        value={conversation.title}
        max={200}
        onClose={onClose}
        run={(title) => actions.change.mutateAsync({ title })}
      />
    );
  if (asking === "hold")
    return (
      <Ask
        title={say("holdIt")}
        label={say("reason")}
        hint={say("holdHint")}
        value=""
        max={500}
        onClose={onClose}
        run={(reason) => actions.hold.mutateAsync(reason)}
      />
    );
  if (asking === "deleteMessages")
    return (
      <Confirm
        title={say("deleteMessages")}
        text={say("deleteMessagesText")}
        action={say("delete")}
        onClose={onClose}
        run={() => actions.removeMessages.mutateAsync()}
      />
    );
  if (asking === "delete")
    return (
      <Confirm
        title={say("deleteConversation")}
        text={say("deleteConversationText")}
        action={say("delete")}
        onClose={onClose}
        run={() => actions.remove.mutateAsync()}
      />
    );
  return (
    <Confirm
      title={say("purgeConversation")}
      text={say("purgeText")}
      action={say("erase")}
      phrase={say("erase")}
      onClose={onClose}
      run={async () => {
        const answer = await api.send<{ erasure: Erasure }>("DELETE", `/conversation/${conversation.id}?purge=true`);
        showReceipt(answer.erasure);
        actions.refresh();
      }}
    />
  );
}

type AskProps = {
  title: string;
  label: string;
  hint?: string;
  value: string;
  max: number;
  onClose: () => void;
  run: (text: string) => Promise<unknown>;
};

function Ask({ title, label, hint, value, max, onClose, run }: AskProps) {
  const [text, setText] = useState(value);
  const submit = async () => {
    await run(text.trim());
    onClose();
  };
  return (
    <Modal title={title} onClose={onClose} className="narrow">
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          submit().catch(() => {});
        }}
      >
        <Field
          label={label}
          hint={hint}
          value={text}
          maxLength={max}
          required
          onChange={(event) => setText(event.target.value)}
        />
        <div className="actions">
          <button type="button" className="button" onClick={onClose}>
            {say("cancel")}
          </button>
          <button type="submit" className="button primary" disabled={text.trim() === ""}>
            {say("save")}
          </button>
        </div>
      </form>
    </Modal>
  );
}
