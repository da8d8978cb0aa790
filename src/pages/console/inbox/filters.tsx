/** The filters of the inbox, and the views that were saved of them. */
import { Star } from "lucide-react";
import { Link } from "wouter";
import { useAgents } from "../agents/use-agents.ts";
import { say } from "../words.ts";
import { type Filter, filterOf, HANDLED, handledWord, nameOf, OPEN, searchOf, STATUSES, statusWord } from "./filter.ts";
import { useViews } from "./views.ts";

type FiltersProps = { filter: Filter; onChange: (filter: Filter) => void };

export function Filters({ filter, onChange }: FiltersProps) {
  const { agents, nameOf: agentName } = useAgents();
  const { views, has, toggle } = useViews();
  const search = searchOf(filter);
  const isSaved = has(search);
  const change = (part: Partial<Filter>) => onChange({ ...filter, ...part });
  return (
    <div className="filters">
      <div className="filter-row" role="group" aria-label={say("filters")}>
        {(["waiting", "unread"] as const).map((name) => (
          <button
            key={name}
            type="button"
            className="chip"
            aria-pressed={filter[name]}
            onClick={() => change({ [name]: !filter[name] })}
          >
            {say(name)}
          </button>
        ))}
        <Choice
          label={say("handledBy")}
          value={filter.handled}
          options={HANDLED.map((handled) => [handled, handledWord(handled)])}
          onChoose={(handled) => change({ handled })}
        />
        <Choice
          label={say("status")}
          value={filter.status}
          options={STATUSES.map((status) => [status, statusWord(status)])}
          onChoose={(status) => change({ status })}
        />
        <Choice
          label={say("agent")}
          value={filter.agent}
          options={[["", say("allAgents")], ...agents.map(({ id, name }) => [id, name] as [string, string])]}
          onChoose={(agent) => change({ agent })}
        />
        <Choice
          label={say("whose")}
          value={filter.kind}
          options={[
            ["", say("everybody")],
            ["lead", say("visitors")],
            ["user", say("users")],
          ]}
          onChoose={(kind) => change({ kind })}
        />
        {search !== searchOf(OPEN) && (
          <button type="button" className="chip" aria-pressed={isSaved} onClick={() => toggle(search)}>
            <Star aria-hidden="true" />
            {say(isSaved ? "viewSaved" : "saveView")}
          </button>
        )}
      </div>
      {views.length > 0 && (
        <nav className="filter-row" aria-label={say("savedViews")}>
          {views.map((view) => (
            <Link
              key={view}
              href={`/inbox?${view}`}
              className="chip view"
              aria-current={view === search ? "true" : undefined}
            >
              {nameOf(filterOf(new URLSearchParams(view)), agentName)}
            </Link>
          ))}
        </nav>
      )}
    </div>
  );
}

type ChoiceProps<T> = { label: string; value: T; options: [value: T, label: string][]; onChoose: (value: T) => void };

const Choice = <T extends string>({ label, value, options, onChoose }: ChoiceProps<T>) => (
  <select className="chip" aria-label={label} value={value} onChange={(event) => onChoose(event.target.value as T)}>
    {options.map(([one, text]) => (
      <option key={one} value={one}>
        {text}
      </option>
    ))}
  </select>
);
