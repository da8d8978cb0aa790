/** A conversation: who has it, what was said, the answer that is being written, and everything about it at the side. */
import { useState } from "react";
import { useQueryClient } from "@tanstack/react-query";
import { useSession } from "../session.tsx";
import { useTitle } from "../ui/page.tsx";
import { Empty, Failed, Loading } from "../ui/state.tsx";
import { say } from "../words.ts";
import { Composer } from "./composer.tsx";
import { Details } from "./details.tsx";
import { Header } from "./header.tsx";
import { Transcript } from "./transcript.tsx";
import { conversationKey, useConversation, useConversationActions } from "./use-conversation.ts";
import { useReadMark } from "./use-read-mark.ts";
import { useTranscript } from "./use-transcript.ts";

type PaneProps = { id: string; backTo: string; seek: number | null };

const isWide = () => window.matchMedia("(min-width: 75rem)").matches;

export function ConversationPane({ id, backTo, seek }: PaneProps) {
  const { can } = useSession();
  const client = useQueryClient();
  const { conversation, error, isGone, refetch } = useConversation(id);
  const actions = useConversationActions(id);
  const changed = () => void client.invalidateQueries({ queryKey: conversationKey(id) });
  const transcript = useTranscript(id, conversation?.message_count, changed);
  const [areDetailsOpen, setDetailsOpen] = useState(isWide);
  useReadMark(conversation, transcript.history?.messages.at(-1)?.sequence, can("write"));
  useTitle(conversation?.title ?? say("conversation"));

  if (isGone) return <Gone restore={can("write") ? () => actions.restore.mutate() : null} />;
  if (!conversation) return error ? <Failed error={error} retry={refetch} /> : <Loading rows={6} />;
  return (
    <div className="conversation" data-details={areDetailsOpen ? "" : undefined}>
      <div className="conversation-main">
        <Header
          conversation={conversation}
          actions={actions}
          backTo={backTo}
          areDetailsOpen={areDetailsOpen}
          onToggleDetails={() => setDetailsOpen(!areDetailsOpen)}
        />
        <Transcript conversation={conversation} transcript={transcript} actions={actions} seek={seek} />
        {can("write") && (
          <Composer
            conversation={conversation}
            typing={transcript.live.typing}
            actions={actions}
            onSent={(message) =>
              transcript.change((history) => ({
                ...history,
                messages: [...history.messages.filter((other) => other.id !== message.id), message],
              }))
            }
          />
        )}
      </div>
      {areDetailsOpen && (
        <Details conversation={conversation} actions={actions} onClose={() => setDetailsOpen(false)} />
      )}
    </div>
  );
}

const Gone = ({ restore }: { restore: (() => void) | null }) => (
  <Empty title={say("conversationGone")}>
    <p className="muted">{say("conversationGoneHint")}</p>
    {restore && (
      <button type="button" className="button" onClick={restore}>
        {say("restore")}
      </button>
    )}
  </Empty>
);
