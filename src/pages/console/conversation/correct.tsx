/** Puts a better answer into the agent's knowledge, so that the next visitor gets it. */
import { useState } from "react";
import { saveAgent } from "../agents/save.ts";
import { useSession } from "../session.tsx";
import { useAction } from "../ui/action.ts";
import { TextArea } from "../ui/field.tsx";
import { Modal } from "../ui/modal.tsx";
import { say } from "../words.ts";

type CorrectProps = { agentId: string; question: string; answer: string; onClose: () => void };

export function Correct({ agentId, question: asked, answer: given, onClose }: CorrectProps) {
  const { api } = useSession();
  const [question, setQuestion] = useState(asked.slice(0, 1000));
  const [answer, setAnswer] = useState(given.slice(0, 8000));
  const correct = useAction({
    run: () =>
      saveAgent(api, agentId, (agent) => ({
        knowledge: [
          ...agent.knowledge.filter((entry) => entry.question.trim() !== question.trim()),
          { question: question.trim(), answer: answer.trim() },
        ],
      })),
    stale: ["/agent", "context"],
    done: say("corrected"),
    onDone: onClose,
  });
  return (
    <Modal title={say("correct")} onClose={onClose}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          correct.mutate();
        }}
      >
        <p className="muted">{say("correctAbout")}</p>
        <TextArea
          label={say("question")}
          value={question}
          rows={3}
          maxLength={1000}
          required
          onChange={(event) => setQuestion(event.target.value)}
        />
        <TextArea
          label={say("answer")}
          value={answer}
          rows={8}
          maxLength={8000}
          required
          onChange={(event) => setAnswer(event.target.value)}
        />
        <div className="actions">
          <button type="button" className="button" onClick={onClose}>
            {say("cancel")}
          </button>
          <button
            type="submit"
            className="button primary"
            disabled={correct.isPending || question.trim() === "" || answer.trim() === ""}
          >
            {say("addKnowledge")}
          </button>
        </div>
      </form>
    </Modal>
  );
}
