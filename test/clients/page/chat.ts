/**
 * A page with `useChat` and nothing between it and the API: what it shows is what the hook says. "use-chat" and "ai" are
 * whichever major it is built with.
 */
import { DefaultChatTransport } from "ai";
import { createElement as h, useState } from "react";
import { createRoot } from "react-dom/client";
import { useChat } from "use-chat";

type Message = { id: string; role: string; parts: { type: string; text?: string }[] };
type Stored = { id: string; role: string; content: string };

const { api, token, id } = Object.fromEntries(new URLSearchParams(location.hash.slice(1))) as Record<string, string>;
const address = `${api}/conversation/${id}`;
const headers = { authorization: `Bearer ${token}` };

const transport = new DefaultChatTransport({ api: `${address}/chat`, headers });

/** What was said before, from the API, under the ids that it has there. */
async function before(): Promise<Message[]> {
  const answer = await fetch(`${address}/messages?per_page=100`, { headers });
  const { messages } = (await answer.json()) as { messages: Stored[] };
  return messages.map(({ id, role, content }) => ({ id, role, parts: [{ type: "text", text: content }] }));
}

const textOf = ({ parts }: Message) => parts.map((part) => (part.type === "text" ? part.text : "")).join("");

function Chat({ messages: initial }: { messages: Message[] }) {
  const chat = useChat({ id, messages: initial, transport, resume: true });
  const [input, setInput] = useState("");
  const submit = (event: { preventDefault: () => void }) => {
    event.preventDefault();
    chat.sendMessage({ text: input });
    setInput("");
  };
  const stop = async () => {
    await fetch(`${address}/chat/stop`, { method: "POST", headers });
  };
  return h(
    "main",
    null,
    h("output", { id: "status" }, chat.status),
    h("p", { role: "alert" }, chat.error?.message ?? ""),
    chat.messages.map((message: Message) =>
      h("article", { key: message.id, id: message.id, className: message.role }, textOf(message)),
    ),
    h(
      "form",
      { onSubmit: submit },
      h("input", { value: input, onChange: (event: { target: { value: string } }) => setInput(event.target.value) }),
      h("button", { type: "submit" }, "Send"),
    ),
    h("button", { onClick: stop }, "Stop"),
    h("button", { onClick: () => chat.stop() }, "Leave"),
    h("button", { onClick: () => chat.resumeStream() }, "Resume"),
    h("button", { onClick: () => chat.regenerate() }, "Regenerate"),
  );
}

const root = document.getElementById("root");
if (root) createRoot(root).render(h(Chat, { messages: await before() }));
