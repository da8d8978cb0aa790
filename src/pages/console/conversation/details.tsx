/** Everything about a conversation that was not said in it: whose it is, notes, what the model gets, who had it. */
import { X } from "lucide-react";
import type { Conversation } from "../types.ts";
import { Tabs } from "../ui/tabs.tsx";
import { say } from "../words.ts";
import { Activity } from "./activity.tsx";
import { ContextPanel } from "./context.tsx";
import { Notes } from "./notes.tsx";
import { PersonPanel } from "./person.tsx";
import type { Actions } from "./use-conversation.ts";

type DetailsProps = { conversation: Conversation; actions: Actions; onClose: () => void };

export function Details({ conversation, actions, onClose }: DetailsProps) {
  const { id } = conversation;
  return (
    <aside className="details" aria-label={say("details")}>
      <Tabs
        label={say("details")}
        panelClass="details-body"
        tabs={[
          {
            name: "person",
            label: say(conversation.entity_type === "lead" ? "visitor" : "user"),
            panel: <PersonPanel conversation={conversation} actions={actions} />,
          },
          { name: "notes", label: say("notes"), panel: <Notes id={id} /> },
          { name: "context", label: say("context"), panel: <ContextPanel id={id} /> },
          { name: "activity", label: say("activity"), panel: <Activity conversation={conversation} /> },
        ]}
        beside={
          <button type="button" className="icon-button" aria-label={say("closeDetails")} onClick={onClose}>
            <X />
          </button>
        }
      />
    </aside>
  );
}
