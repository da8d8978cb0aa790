/** The agents with most turns. */
import { Link } from "wouter";
import { number, span } from "../ui/time.tsx";
import { Table } from "../ui/table.tsx";
import { say } from "../words.ts";
import type { Dashboard } from "./report.ts";

const WHOLE = { isPending: false, error: null, hasNextPage: false, isFetchingNextPage: false };

export function AgentTable({ agents }: { agents: NonNullable<Dashboard["top_agents"]> }) {
  const list = { ...WHOLE, rows: agents, refetch: () => {}, fetchNextPage: () => {} };
  return (
    <section>
      <h2>{say("topAgents")}</h2>
      <Table
        label={say("topAgents")}
        list={list}
        keyOf={({ agent_id }) => agent_id}
        empty={say("noTurns")}
        columns={[
          {
            name: say("agent"),
            cell: ({ agent_id, name }) => <Link href={`/agents/${agent_id}`}>{name ?? agent_id}</Link>,
          },
          { name: say("turns"), isNumber: true, cell: ({ turn_count }) => number(turn_count) },
          { name: say("failedTurns"), isNumber: true, cell: ({ failed_turns }) => number(failed_turns) },
          { name: say("average"), isNumber: true, cell: ({ avg_response_time_ms }) => span(avg_response_time_ms) },
          { name: say("tokensIn"), isNumber: true, cell: ({ usage }) => (usage ? number(usage.input_tokens) : "–") },
          { name: say("tokensOut"), isNumber: true, cell: ({ usage }) => (usage ? number(usage.output_tokens) : "–") },
        ]}
      />
    </section>
  );
}
