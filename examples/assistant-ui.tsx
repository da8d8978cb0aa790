/** assistant-ui over this API: the thread list is the visitor's own conversations, and what was said comes from there. */
import {
  AssistantRuntimeProvider,
  ComposerPrimitive,
  MessagePrimitive,
  type RemoteThreadListAdapter,
  type ThreadHistoryAdapter,
  ThreadListItemPrimitive,
  ThreadListPrimitive,
  ThreadPrimitive,
  useAui,
  useRemoteThreadListRuntime,
} from "@assistant-ui/react";
import { AssistantChatTransport, useChatRuntime } from "@assistant-ui/react-ai-sdk";
import { createAssistantStream } from "assistant-stream";
import { useMemo } from "react";

/** `api` ends with /v1; the token is a visitor's or a customer's (see docs/tokens.md). */
export type Access = { api: string; token: string; agent_id: string };
type Conversation = { id: string; title: string; status: "active" | "archived" };
type Message = { id: string; role: "user" | "assistant"; content: string };

async function call(access: Access, method: string, path: string, body?: object) {
  const response = await fetch(access.api + path, {
    method,
    headers: { authorization: `Bearer ${access.token}`, "content-type": "application/json" },
    body: body && JSON.stringify(body),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.detail);
  return answer;
}

const threadOf = ({ id, title, status }: Conversation) => ({
  remoteId: id,
  title,
  status: status === "archived" ? ("archived" as const) : ("regular" as const),
});

const threadList = (access: Access): RemoteThreadListAdapter => ({
  async list({ after } = {}) {
    const cursor = after === undefined ? "" : `&cursor=${encodeURIComponent(after)}`;
    const page = await call(access, "GET", `/conversation/entity?status=all&per_page=50${cursor}`);
    return { threads: page.conversations.map(threadOf), nextCursor: page.pagination.next_cursor ?? undefined };
  },
  async initialize() {
    const { conversation } = await call(access, "POST", "/conversation", { agent_id: access.agent_id });
    return { remoteId: conversation.id };
  },
  fetch: async (id) => threadOf((await call(access, "GET", `/conversation/${id}`)).conversation),
  rename: (id, title) => call(access, "PATCH", `/conversation/${id}`, { title }),
  archive: (id) => call(access, "PATCH", `/conversation/${id}`, { status: "archived" }),
  unarchive: (id) => call(access, "PATCH", `/conversation/${id}`, { status: "active" }),
  delete: (id) => call(access, "DELETE", `/conversation/${id}`),
  /** The beginning of the first message. Or give the agent the setting `auto_title`, and read the title here. */
  async generateTitle(id, messages) {
    const [first] = messages.flatMap(({ content }) =>
      content.flatMap((part) => (part.type === "text" ? part.text : [])),
    );
    const title = (first ?? "").slice(0, 60) || "New conversation";
    await call(access, "PATCH", `/conversation/${id}`, { title });
    return createAssistantStream((controller) => controller.appendText(title));
  },
});

/** What was said in the thread that is open. Nothing is written here: the API stores every turn by itself. */
const historyOf = (access: Access, id: () => string | undefined): ThreadHistoryAdapter => ({
  load: async () => ({ messages: [] }),
  append: async () => {},
  withFormat: (format) => ({
    async load() {
      const page = await call(access, "GET", `/conversation/${id()}/messages?order=desc&per_page=100`);
      const messages = (page.messages as Message[]).toReversed().map(({ id, role, content }, i, all) =>
        format.decode({
          id,
          parent_id: all[i - 1]?.id ?? null,
          format: format.format,
          content: { role, parts: [{ type: "text", text: content }] } as never,
        }),
      );
      return { messages };
    },
    append: async () => {},
  }),
});

function useThread(access: Access) {
  const aui = useAui();
  return useChatRuntime({
    transport: useMemo(
      () =>
        new AssistantChatTransport({
          headers: { authorization: `Bearer ${access.token}` },
          // The id is that of the conversation; the API trusts the last message only.
          prepareSendMessagesRequest: ({ id, messages, trigger, messageId }) => ({
            api: `${access.api}/conversation/${id}/chat`,
            body: { messages: messages.slice(-1), trigger, messageId },
          }),
        }),
      [access],
    ),
    adapters: {
      history: useMemo(() => historyOf(access, () => aui.threadListItem().getState().remoteId), [access, aui]),
    },
  });
}

export function Assistant({ access }: { access: Access }) {
  const adapter = useMemo(() => threadList(access), [access]);
  const runtime = useRemoteThreadListRuntime({ adapter, runtimeHook: () => useThread(access) });
  return (
    <AssistantRuntimeProvider runtime={runtime}>
      <nav aria-label="Conversations">
        <ThreadListPrimitive.New>New</ThreadListPrimitive.New>
        <ThreadListPrimitive.Items components={{ ThreadListItem }} />
      </nav>
      <ThreadPrimitive.Root>
        <ThreadPrimitive.Messages components={{ Message }} />
        <ComposerPrimitive.Root>
          <ComposerPrimitive.Input aria-label="Message" />
          <ComposerPrimitive.Send>Send</ComposerPrimitive.Send>
        </ComposerPrimitive.Root>
      </ThreadPrimitive.Root>
    </AssistantRuntimeProvider>
  );
}

const ThreadListItem = () => (
  <ThreadListItemPrimitive.Root>
    <ThreadListItemPrimitive.Trigger>
      <ThreadListItemPrimitive.Title fallback="New conversation" />
    </ThreadListItemPrimitive.Trigger>
    <ThreadListItemPrimitive.Archive>Archive</ThreadListItemPrimitive.Archive>
    <ThreadListItemPrimitive.Delete>Delete</ThreadListItemPrimitive.Delete>
  </ThreadListItemPrimitive.Root>
);

const Message = () => (
  <MessagePrimitive.Root>
    <article>
      <MessagePrimitive.Parts />
    </article>
  </MessagePrimitive.Root>
);
