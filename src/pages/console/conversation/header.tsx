/** The head of a conversation: its name, who has it, and what can be done with it. */
import { ArrowLeft, Eye, Headset, PanelRight, Undo2 } from "lucide-react";
import { useState } from "react";
import { Link } from "wouter";
import { useAgents } from "../agents/use-agents.ts";
import { useSession } from "../session.tsx";
import type { Onlooker } from "../live.ts";
import type { Conversation } from "../types.ts";
import { Menu } from "../ui/menu.tsx";
import { Time } from "../ui/time.tsx";
import { currentLanguage, say } from "../words.ts";
import { type Asking, Dialogs } from "./dialogs.tsx";
import type { Actions } from "./use-conversation.ts";

type HeaderProps = {
  conversation: Conversation;
  actions: Actions;
  staff: Onlooker[];
  backTo: string;
  areDetailsOpen: boolean;
  onToggleDetails: () => void;
};

/** Seconds after which the agent has it back by itself. */
const FOR = [
  [15 * 60, "takeOver15"],
  [60 * 60, "takeOver60"],
  [8 * 60 * 60, "takeOver480"],
] as const;

export function Header({ conversation, actions, staff, backTo, areDetailsOpen, onToggleDetails }: HeaderProps) {
  const { can, me } = useSession();
  const { nameOf } = useAgents();
  const [asking, setAsking] = useState<Asking | null>(null);
  const { status, hold } = conversation;
  const isMine = conversation.handler?.entity_id === me.entity_id;
  const isBusy = actions.takeOver.isPending || actions.giveBack.isPending;
  return (
    <header className="conversation-head">
      <Link href={backTo} className="icon-button back" aria-label={say("back")}>
        <ArrowLeft />
      </Link>
      <div className="grow">
        <h1 className="conversation-title" dir="auto">
          {conversation.title}
        </h1>
        <p className="muted conversation-sub">
          <span className="clip">{nameOf(conversation.agent_id)}</span>
          <Handled conversation={conversation} isMine={isMine} />
          {conversation.waiting_since && (
            <span className="tag warn">
              {say("waitingSince")} <Time at={conversation.waiting_since} />
            </span>
          )}
          <Others staff={staff.filter(({ entity_id }) => entity_id !== me.entity_id)} />
          {hold && <span className="tag">{say("held")}</span>}
          {status === "archived" && <span className="tag">{say("statusArchived")}</span>}
        </p>
      </div>
      {can("write") &&
        (isMine ? (
          <button type="button" className="button" disabled={isBusy} onClick={() => actions.giveBack.mutate()}>
            <Undo2 aria-hidden="true" />
            {say("giveBack")}
          </button>
        ) : (
          <button
            type="button"
            className="button primary"
            disabled={isBusy}
            onClick={() => actions.takeOver.mutate(null)}
          >
            <Headset aria-hidden="true" />
            {say("takeOver")}
          </button>
        ))}
      <Menu
        label={say("more")}
        items={[
          ...FOR.map(
            ([seconds, word]) => can("write") && { label: say(word), run: () => actions.takeOver.mutate(seconds) },
          ),
          can("write") &&
            !isMine &&
            conversation.handled_by === "staff" && { label: say("giveBack"), run: () => actions.giveBack.mutate() },
          can("write") && { label: say("rename"), run: () => setAsking("rename") },
          can("write") &&
            (status === "archived"
              ? { label: say("unarchive"), run: () => actions.change.mutate({ status: "active" }) }
              : { label: say("archive"), run: () => actions.change.mutate({ status: "archived" }) }),
          can("admin") &&
            (hold
              ? { label: say("release"), run: () => actions.hold.mutate(null) }
              : { label: say("holdIt"), run: () => setAsking("hold") }),
          can("write") && { label: say("restoreMessages"), run: () => actions.restoreMessages.mutate() },
          can("write") && { label: say("deleteMessages"), isDanger: true, run: () => setAsking("deleteMessages") },
          can("write") && { label: say("deleteConversation"), isDanger: true, run: () => setAsking("delete") },
          can("admin") && { label: say("purgeConversation"), isDanger: true, run: () => setAsking("purge") },
        ]}
      />
      <button
        type="button"
        className="icon-button"
        aria-label={say("details")}
        aria-pressed={areDetailsOpen}
        onClick={onToggleDetails}
      >
        <PanelRight />
      </button>
      {asking && (
        <Dialogs asking={asking} conversation={conversation} actions={actions} onClose={() => setAsking(null)} />
      )}
    </header>
  );
}

/** Who else of the staff has it open. */
function Others({ staff }: { staff: Onlooker[] }) {
  if (staff.length === 0) return null;
  const names = new Intl.ListFormat(currentLanguage()).format(staff.map(({ name }) => name ?? say("colleague")));
  return (
    <span className="others">
      <Eye aria-hidden="true" />
      <span dir="auto">{say("alsoHere", { names })}</span>
    </span>
  );
}

function Handled({ conversation, isMine }: { conversation: Conversation; isMine: boolean }) {
  if (conversation.handled_by === "agent") return <span className="tag">{say("agentAnswers")}</span>;
  if (isMine) return <span className="tag mine">{say("youAnswer")}</span>;
  return (
    <span className="tag warn">{say("otherAnswers", { name: conversation.handler?.name ?? say("colleague") })}</span>
  );
}
