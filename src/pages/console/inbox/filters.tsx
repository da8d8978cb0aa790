/** The filters of the inbox, and the views that were saved of them. */
import { Star } from "lucide-react";
import { Link } from "wouter";
import { useAgents } from "../agents/use-agents.ts";
import { say } from "../words.ts";
import { type Filter, filterOf, HANDLED, handledWord, nameOf, OPEN, searchOf, statusWord } from "./filter.ts";
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
        <button
          type="button"
          className="chip"
          aria-pressed={filter.waiting}
          onClick={() => change({ waiting: !filter.waiting })}
        >
          {say("waiting")}
        </button>
        <button
          type="button"
          className="chip"
          aria-pressed={filter.unread}
          onClick={() => change({ unread: !filter.unread })}
        >
          {say("unread")}
        </button>
        <select
          className="chip"
          aria-label={say("handledBy")}
          value={filter.handled}
          onChange={(event) => change({ handled: event.target.value as Filter["handled"] })}
        >
          {HANDLED.map((handled) => (
            <option key={handled} value={handled}>
              {handledWord(handled)}
            </option>
          ))}
        </select>
        <select
          className="chip"
          aria-label={say("status")}
          value={filter.status}
          onChange={(event) => change({ status: event.target.value as Filter["status"] })}
        >
          {(["active", "archived", "all"] as const).map((status) => (
            <option key={status} value={status}>
              {statusWord(status)}
            </option>
          ))}
        </select>
        <select
          className="chip"
          aria-label={say("agent")}
          value={filter.agent}
          onChange={(event) => change({ agent: event.target.value })}
        >
          <option value="">{say("allAgents")}</option>
          {agents.map(({ id, name }) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </select>
        <select
          className="chip"
          aria-label={say("whose")}
          value={filter.kind}
          onChange={(event) => change({ kind: event.target.value as Filter["kind"] })}
        >
          <option value="">{say("everybody")}</option>
          <option value="lead">{say("visitors")}</option>
          <option value="user">{say("users")}</option>
        </select>
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
