/** Questions and answers that an agent knows. Long lists are shown a few at a time, found by typing. */
import { Plus, Trash2 } from "lucide-react";
import { useState } from "react";
import type { FieldError } from "../api.ts";
import type { Knowledge } from "../types.ts";
import { errorAt, Field, TextArea } from "../ui/field.tsx";
import { say } from "../words.ts";

const SHOWN = 10;
const MOST = 1000;

type KnowledgeProps = { knowledge: Knowledge[]; errors: FieldError[]; onChange: (knowledge: Knowledge[]) => void };

export function KnowledgeFields({ knowledge, errors, onChange }: KnowledgeProps) {
  const [search, setSearch] = useState("");
  const [shown, setShown] = useState(SHOWN);
  const words = search.trim().toLowerCase();
  const found = knowledge
    .map((entry, index) => ({ entry, index }))
    .filter(({ entry }) => words === "" || `${entry.question} ${entry.answer}`.toLowerCase().includes(words));
  const change = (index: number, part: Partial<Knowledge>) =>
    onChange(knowledge.map((entry, at) => (at === index ? { ...entry, ...part } : entry)));
  const add = () => {
    setSearch("");
    onChange([{ question: "", answer: "" }, ...knowledge]);
  };
  return (
    <section className="stack" aria-label={say("knowledge")}>
      <div className="row wrap">
        <h2 className="sub grow">{say("knowledgeCount", { n: knowledge.length })}</h2>
        <button type="button" className="button" disabled={knowledge.length >= MOST} onClick={add}>
          <Plus aria-hidden="true" />
          {say("addKnowledge")}
        </button>
      </div>
      {knowledge.length > SHOWN && (
        <Field label={say("search")} value={search} onChange={(event) => setSearch(event.target.value)} />
      )}
      {found.slice(0, shown).map(({ entry, index }) => (
        <div key={index} className="secret">
          <div className="row">
            <div className="grow">
              <Field
                label={say("question")}
                value={entry.question}
                maxLength={1000}
                required
                error={errorAt(errors, `/knowledge/${index}/question`)}
                onChange={(event) => change(index, { question: event.target.value })}
              />
            </div>
            <button
              type="button"
              className="icon-button"
              aria-label={say("removeKnowledge", { question: entry.question })}
              onClick={() => onChange(knowledge.filter((_, at) => at !== index))}
            >
              <Trash2 />
            </button>
          </div>
          <TextArea
            label={say("answer")}
            rows={2}
            value={entry.answer}
            maxLength={8000}
            required
            error={errorAt(errors, `/knowledge/${index}/answer`)}
            onChange={(event) => change(index, { answer: event.target.value })}
          />
        </div>
      ))}
      {found.length > shown && (
        <button type="button" className="button" onClick={() => setShown(shown + 50)}>
          {say("showMore")}
        </button>
      )}
    </section>
  );
}
