/** A conversation in a React page. The visitor's browser talks to the API itself; no server of yours is needed. */
import { useChat } from "@ai-sdk/react";
import { DefaultChatTransport, type UIMessage } from "ai";
import { useState } from "react";

export type Visitor = { api: string; token: string; conversation_id: string };

/** Makes the one who looks at this page a visitor, with a conversation. `api` ends with /v1; keep the answer for the next page. */
export async function register(api: string, agent_id: string): Promise<Visitor> {
  const response = await fetch(`${api}/lead/register`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ agent_id }),
  });
  if (!response.ok) throw new Error((await response.json()).detail);
  const { access_token, conversation } = await response.json();
  return { api, token: access_token, conversation_id: conversation.id };
}

/** What was said before, for the first render. */
export async function loadMessages({ api, token, conversation_id }: Visitor): Promise<UIMessage[]> {
  const response = await fetch(`${api}/conversation/${conversation_id}/messages?order=desc&per_page=50`, {
    headers: { authorization: `Bearer ${token}` },
  });
  if (!response.ok) throw new Error((await response.json()).detail);
  const { messages } = await response.json();
  return messages
    .reverse()
    .map(({ id, role, content }: { id: string; role: "user" | "assistant"; content: string }) => ({
      id,
      role,
      parts: [{ type: "text", text: content }],
    }));
}

export function Chat({ visitor, initial }: { visitor: Visitor; initial: UIMessage[] }) {
  const { api, token, conversation_id } = visitor;
  const { messages, sendMessage, status, error, regenerate } = useChat({
    id: conversation_id,
    messages: initial,
    // Goes on with an answer that was under way when the page was loaded.
    resume: true,
    transport: new DefaultChatTransport({
      api: `${api}/conversation/${conversation_id}/chat`,
      headers: { authorization: `Bearer ${token}` },
    }),
  });
  const [draft, setDraft] = useState("");

  return (
    <main>
      {messages.map(({ id, role, parts }) => (
        <article key={id} className={role}>
          {parts.map((part, i) => (part.type === "text" ? <p key={i}>{part.text}</p> : null))}
        </article>
      ))}
      {error && (
        <p role="alert">
          {error.message} <button onClick={() => void regenerate()}>Try again</button>
        </p>
      )}
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void sendMessage({ text: draft });
          setDraft("");
        }}
      >
        <input aria-label="Message" value={draft} onChange={(event) => setDraft(event.target.value)} />
        <button disabled={status !== "ready" || draft.trim() === ""}>Send</button>
      </form>
    </main>
  );
}
