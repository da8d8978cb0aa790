/** What was deleted and can be restored: conversations, and single messages. */
import { Link } from "wouter";
import { Who } from "../conversation/who.tsx";
import { INBOX } from "../inbox/use-inbox.ts";
import { useSession } from "../session.tsx";
import type { Conversation, Message } from "../types.ts";
import { useAction } from "../ui/action.ts";
import { useList } from "../ui/list.ts";
import { Page } from "../ui/page.tsx";
import { Table } from "../ui/table.tsx";
import { Tabs } from "../ui/tabs.tsx";
import { Time } from "../ui/time.tsx";
import { say } from "../words.ts";

export function Deleted() {
  return (
    <Page title={say("deleted")} about={say("deletedAbout")}>
      <Tabs
        label={say("deleted")}
        tabs={[
          { name: "conversations", label: say("conversations"), panel: <Conversations /> },
          { name: "messages", label: say("messages"), panel: <Messages /> },
        ]}
      />
    </Page>
  );
}

const when = { cell: ({ deleted_at }: { deleted_at: string | null }) => (deleted_at ? <Time at={deleted_at} /> : "–") };
const who = { cell: ({ deleted_by }: { deleted_by: string | null }) => <Who id={deleted_by} /> };

function useRestore(stale: string[], pathOf: (id: string) => string) {
  const { api } = useSession();
  return useAction({
    run: (id: string) => api.send("PATCH", pathOf(id)),
    stale: [...stale, INBOX],
    done: say("restored"),
  });
}

function Conversations() {
  const { can } = useSession();
  const list = useList<Conversation>("/conversation/deleted", "conversations");
  const restore = useRestore(["/conversation/deleted"], (id) => `/conversation/${id}/restore`);
  return (
    <Table
      label={say("conversations")}
      list={list}
      keyOf={({ id }) => id}
      empty={say("nothingDeleted")}
      columns={[
        { name: say("title"), cell: ({ title }) => title },
        { name: say("messages"), isNumber: true, cell: ({ message_count }) => message_count },
        { name: say("when"), ...when },
        { name: say("by"), ...who },
        {
          name: say("actions"),
          cell: ({ id }) => can("write") && <RestoreButton run={() => restore.mutate(id)} isBusy={restore.isPending} />,
        },
      ]}
    />
  );
}

function Messages() {
  const { can } = useSession();
  const list = useList<Message>("/message/deleted", "messages");
  const restore = useRestore(["/message/deleted", "transcript"], (id) => `/message/${id}/restore`);
  return (
    <Table
      label={say("messages")}
      list={list}
      keyOf={({ id }) => id}
      empty={say("nothingDeleted")}
      columns={[
        { name: say("message"), cell: ({ content }) => <span dir="auto">{content.slice(0, 160)}</span> },
        {
          name: say("conversation"),
          cell: ({ conversation_id }) => <Link href={`/inbox/${conversation_id}`}>{say("open")}</Link>,
        },
        { name: say("when"), ...when },
        { name: say("by"), ...who },
        {
          name: say("actions"),
          cell: ({ id }) => can("write") && <RestoreButton run={() => restore.mutate(id)} isBusy={restore.isPending} />,
        },
      ]}
    />
  );
}

const RestoreButton = ({ run, isBusy }: { run: () => void; isBusy: boolean }) => (
  <button type="button" className="button" disabled={isBusy} onClick={run}>
    {say("restore")}
  </button>
);
