/** Everything about a conversation that was not said in it: whose it is, notes, what the model gets, who had it. */
import { Tabs } from "@base-ui/react/tabs";
import { X } from "lucide-react";
import type { Conversation } from "../types.ts";
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
      <Tabs.Root defaultValue="person">
        <div className="details-head">
          <Tabs.List className="tabs" aria-label={say("details")}>
            <Tabs.Tab value="person" className="tab">
              {say(conversation.entity_type === "lead" ? "visitor" : "user")}
            </Tabs.Tab>
            <Tabs.Tab value="notes" className="tab">
              {say("notes")}
            </Tabs.Tab>
            <Tabs.Tab value="context" className="tab">
              {say("context")}
            </Tabs.Tab>
            <Tabs.Tab value="activity" className="tab">
              {say("activity")}
            </Tabs.Tab>
          </Tabs.List>
          <button type="button" className="icon-button" aria-label={say("closeDetails")} onClick={onClose}>
            <X />
          </button>
        </div>
        <Tabs.Panel value="person" className="details-body">
          <PersonPanel conversation={conversation} actions={actions} />
        </Tabs.Panel>
        <Tabs.Panel value="notes" className="details-body">
          <Notes id={id} />
        </Tabs.Panel>
        <Tabs.Panel value="context" className="details-body">
          <ContextPanel id={id} />
        </Tabs.Panel>
        <Tabs.Panel value="activity" className="details-body">
          <Activity conversation={conversation} />
        </Tabs.Panel>
      </Tabs.Root>
    </aside>
  );
}
