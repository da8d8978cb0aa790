/** The agents with most turns. */
import { Link } from "wouter";
import { number, span } from "../ui/time.tsx";
import { Empty } from "../ui/state.tsx";
import { Grid } from "../ui/table.tsx";
import { say } from "../words.ts";
import type { Dashboard } from "./report.ts";

export function AgentTable({ agents }: { agents: NonNullable<Dashboard["top_agents"]> }) {
  return (
    <section>
      <h2>{say("topAgents")}</h2>
      {agents.length === 0 ? (
        <Empty title={say("noTurns")} />
      ) : (
        <div className="table-frame">
          <Grid
            label={say("topAgents")}
            rows={agents}
            keyOf={({ agent_id }) => agent_id}
            columns={[
              {
                name: say("agent"),
                cell: ({ agent_id, name }) => <Link href={`/agents/${agent_id}`}>{name ?? agent_id}</Link>,
              },
              { name: say("turns"), isNumber: true, cell: ({ turn_count }) => number(turn_count) },
              { name: say("failedTurns"), isNumber: true, cell: ({ failed_turns }) => number(failed_turns) },
              { name: say("average"), isNumber: true, cell: ({ avg_response_time_ms }) => span(avg_response_time_ms) },
              {
                name: say("tokensIn"),
                isNumber: true,
                cell: ({ usage }) => (usage ? number(usage.input_tokens) : "–"),
              },
              {
                name: say("tokensOut"),
                isNumber: true,
                cell: ({ usage }) => (usage ? number(usage.output_tokens) : "–"),
              },
            ]}
          />
        </div>
      )}
    </section>
  );
}
