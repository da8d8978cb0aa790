/** A conversation: who has it, what was said, the answer that is being written, and everything about it at the side. */
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { useSession } from "../session.tsx";
import type { Conversation } from "../types.ts";
import { useTitle } from "../ui/page.tsx";
import { Empty, Failed, Loading } from "../ui/state.tsx";
import { say } from "../words.ts";
import { Composer } from "./composer.tsx";
import { Details } from "./details.tsx";
import { Header } from "./header.tsx";
import { put } from "./history.ts";
import { Transcript } from "./transcript.tsx";
import { type Actions, conversationKey, useConversation, useConversationActions } from "./use-conversation.ts";
import { useReadMark } from "./use-read-mark.ts";
import { transcriptKey, useTranscript } from "./use-transcript.ts";

type PaneProps = { id: string; backTo: string; seek: number | null };

const isWide = () => window.matchMedia("(min-width: 75rem)").matches;

export function ConversationPane({ id, backTo, seek }: PaneProps) {
  const { can } = useSession();
  const client = useQueryClient();
  const { conversation, error, isGone, refetch } = useConversation(id);
  const actions = useConversationActions(id);
  useTitle(conversation?.title ?? say("conversation"));
  // What was said in it is not kept here either.
  useEffect(() => {
    if (isGone) client.removeQueries({ queryKey: transcriptKey(id) });
  }, [isGone, client, id]);

  if (isGone) return <Gone restore={can("write") ? () => actions.restore.mutate() : null} />;
  if (!conversation) return error ? <Failed error={error} retry={refetch} /> : <Loading rows={6} />;
  return <OpenConversation {...{ conversation, actions, backTo, seek }} />;
}

type OpenProps = { conversation: Conversation; actions: Actions; backTo: string; seek: number | null };

function OpenConversation({ conversation, actions, backTo, seek }: OpenProps) {
  const { can } = useSession();
  const client = useQueryClient();
  const { id } = conversation;
  const changed = () => void client.invalidateQueries({ queryKey: conversationKey(id) });
  const transcript = useTranscript(id, conversation.message_count, changed);
  const [areDetailsOpen, setDetailsOpen] = useState(isWide);
  const [sent, setSent] = useState<string | null>(null);
  useReadMark(conversation, transcript.history?.messages.at(-1)?.sequence, can("write"));
  return (
    <div className="conversation" data-details={areDetailsOpen ? "" : undefined}>
      <div className="conversation-main">
        <Header
          conversation={conversation}
          actions={actions}
          staff={transcript.live.staff}
          backTo={backTo}
          areDetailsOpen={areDetailsOpen}
          onToggleDetails={() => setDetailsOpen(!areDetailsOpen)}
        />
        <Transcript conversation={conversation} transcript={transcript} actions={actions} seek={seek} sent={sent} />
        {can("write") && (
          <Composer
            conversation={conversation}
            typing={transcript.live.typing}
            actions={actions}
            onSent={(message) => {
              transcript.change((history) => put(history, [message]));
              setSent(message.id);
            }}
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
