/** The agents of the company, or one of them. */
import { Plus } from "lucide-react";
import { useState } from "react";
import { Link, useParams } from "wouter";
import { useSession } from "../session.tsx";
import type { Agent } from "../types.ts";
import { useList } from "../ui/list.ts";
import { Page } from "../ui/page.tsx";
import { Table } from "../ui/table.tsx";
import { Time } from "../ui/time.tsx";
import { say } from "../words.ts";
import { AgentPage } from "./agent.tsx";

export function Agents() {
  const { id } = useParams();
  return id ? <AgentPage key={id} id={id} /> : <AgentList />;
}

function AgentList() {
  const { can } = useSession();
  const [search, setSearch] = useState("");
  const list = useList<Agent>("/agent", "agents", { search, per_page: 50 });
  const create = can("write") && (
    <Link href="/agents/new" className="button primary">
      <Plus aria-hidden="true" />
      {say("newAgent")}
    </Link>
  );
  return (
    <Page title={say("agents")} about={say("agentsAbout")} actions={create}>
      <div className="filter-bar">
        <label className="field">
          <span>{say("search")}</span>
          <input value={search} maxLength={200} onChange={(event) => setSearch(event.target.value)} />
        </label>
      </div>
      <Table
        label={say("agents")}
        list={list}
        keyOf={({ id }) => id}
        empty={say(search === "" ? "noAgents" : "noMatch")}
        columns={[
          { name: say("name"), cell: (agent) => <Link href={`/agents/${agent.id}`}>{agent.name}</Link> },
          { name: say("model"), cell: (agent) => <code>{[agent.model].flat().join(", ")}</code> },
          {
            name: say("status"),
            cell: ({ status }) => (
              <span className={status === "active" ? "tag good" : "tag"}>
                {say(status === "active" ? "active" : "inactive")}
              </span>
            ),
          },
          { name: say("knowledge"), isNumber: true, cell: ({ knowledge }) => knowledge.length },
          { name: say("changed"), cell: ({ updated_at }) => <Time at={updated_at} /> },
        ]}
      />
    </Page>
  );
}
