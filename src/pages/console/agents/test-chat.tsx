/** A chat with the agent as it is saved, in a conversation of one's own that the inbox marks as a test. */
import { RotateCcw } from "lucide-react";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { Refused } from "../api.ts";
import { Markdown } from "../markdown.tsx";
import { useSession } from "../session.tsx";
import type { Agent, Conversation, Message } from "../types.ts";
import { reasonOf } from "../ui/toast.tsx";
import { say } from "../words.ts";
import { Facts } from "../conversation/facts.tsx";

type Line = { key: string; role: "user" | "assistant"; text: string; message?: Message; problem?: string };

export function TestChat({ agent }: { agent: Agent }) {
  const { api } = useSession();
  const [lines, setLines] = useState<Line[]>([]);
  const [text, setText] = useState("");
  const [isBusy, setBusy] = useState(false);
  const conversation = useRef<string | null>(null);
  const log = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (log.current) log.current.scrollTop = log.current.scrollHeight;
  }, [lines]);

  const begin = async (): Promise<string> => {
    const body = {
      agent_id: agent.id,
      title: say("testTitle", { name: agent.name }),
      metadata: { console_test: true },
    };
    const made = await api.send<{ conversation: Conversation }>("POST", "/conversation", { body });
    return made.conversation.id;
  };
  const restart = () => {
    const former = conversation.current;
    conversation.current = null;
    setLines([]);
    if (former) api.send("DELETE", `/conversation/${former}`).catch(() => {});
  };
  const send = async (event: FormEvent) => {
    event.preventDefault();
    const message = text;
    const key = crypto.randomUUID();
    const put = (line: Partial<Line>) =>
      setLines((all) => all.map((one) => (one.key === key ? { ...one, ...line } : one)));
    setText("");
    setBusy(true);
    setLines((all) => [
      ...all,
      { key: `${key} question`, role: "user", text: message },
      { key, role: "assistant", text: "" },
    ]);
    let written = "";
    try {
      conversation.current ??= await begin();
      const headers = { "idempotency-key": key };
      await api.follow(
        `/conversation/${conversation.current}/chat`,
        { body: { message }, headers },
        ({ event: name, data }) => {
          const {
            text: delta,
            message: reply,
            error,
          } = data as { text?: string; message?: Message | null; error?: { detail?: string } };
          if (name === "chat_delta") put({ text: (written += delta ?? "") });
          if (name !== "chat_response") return;
          if (reply) put({ text: reply.content, message: reply });
          if (error) put({ problem: error.detail ?? say("turnFailed") });
        },
      );
    } catch (error) {
      if (error instanceof Refused && error.status === 404) conversation.current = null;
      put({ problem: reasonOf(error) });
    } finally {
      setBusy(false);
    }
  };
  return (
    <section className="card test-chat" aria-label={say("testChat")}>
      <div className="conversation-head">
        <div className="grow">
          <h2>{say("testChat")}</h2>
          <p className="muted hint">{say("testChatHint")}</p>
        </div>
        <button type="button" className="icon-button" aria-label={say("startOver")} disabled={isBusy} onClick={restart}>
          <RotateCcw />
        </button>
      </div>
      <div className="transcript" ref={log} role="log" aria-label={say("messages")} tabIndex={0}>
        <ol className="messages">
          {agent.greeting !== "" && (
            <li className="message" data-role="assistant">
              <div className="bubble">
                <Markdown text={agent.greeting} />
              </div>
            </li>
          )}
          {lines.map((line) => (
            <li
              key={line.key}
              className="message"
              data-role={line.role}
              aria-busy={line.role === "assistant" && !line.message && !line.problem}
            >
              {line.role === "user" ? (
                <div className="bubble plain">{line.text}</div>
              ) : line.text !== "" ? (
                <div className="bubble">
                  <Markdown text={line.text} />
                </div>
              ) : (
                !line.problem && (
                  <span className="dots" aria-label={say("agentWrites")}>
                    <i />
                    <i />
                    <i />
                  </span>
                )
              )}
              {line.message && <Facts message={line.message} />}
              {line.problem && (
                <p className="wrong" role="alert">
                  {line.problem}
                </p>
              )}
            </li>
          ))}
        </ol>
      </div>
      <form className="composer" onSubmit={(event) => void send(event)}>
        <div className="composer-row">
          <input
            value={text}
            maxLength={32_000}
            aria-label={say("testMessage")}
            placeholder={say("testMessage")}
            onChange={(event) => setText(event.target.value)}
          />
          <button type="submit" className="button primary" disabled={isBusy || text.trim() === ""}>
            {say("send")}
          </button>
        </div>
      </form>
    </section>
  );
}
