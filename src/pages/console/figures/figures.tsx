/** Figures of the company, or of one agent, over a period: in numbers, as charts, as tables, and to take along. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Download, Printer } from "lucide-react";
import { useState } from "react";
import { useAgents } from "../agents/use-agents.ts";
import { useSession } from "../session.tsx";
import { Field, Select } from "../ui/field.tsx";
import { save } from "../ui/download.ts";
import { Menu } from "../ui/menu.tsx";
import { Page } from "../ui/page.tsx";
import { Failed, Loading } from "../ui/state.tsx";
import { complain } from "../ui/toast.tsx";
import { say } from "../words.ts";
import { AgentTable } from "./agent-table.tsx";
import { ChartGrid } from "./chart-grid.tsx";
import { Numbers } from "./numbers.tsx";
import { type Dashboard, dayIn, daysBefore, EXPORTS } from "./report.ts";

export function Figures() {
  const { api } = useSession();
  const { agents } = useAgents();
  const [agent, setAgent] = useState("");
  /** Days; the service's own period, the last 30 days, and until now where they are "". */
  const [start, setStart] = useState("");
  const [end, setEnd] = useState("");
  const period = { ...(start === "" ? {} : { start_date: start }), ...(end === "" ? {} : { end_date: end }) };
  const path = agent === "" ? "/analytic/dashboard" : `/analytic/agent/${agent}`;
  const { data, error, isPending, refetch } = useQuery({
    queryKey: [path, period],
    staleTime: 30_000,
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) => api.get<Dashboard>(path, period, signal),
  });
  const exported = async (type: string, format: "csv" | "json") => {
    try {
      const { blob, filename } = await api.download("POST", "/analytic/export", { type, format, ...period });
      save(blob, filename ?? `${type}.${format}`);
    } catch (problem) {
      complain(problem);
    }
  };
  // Days begin where the company is, which the first report says.
  const zone = data?.time_zone ?? "UTC";
  const from = start === "" && data ? dayIn(data.start_date, zone) : start;
  const to = end === "" && data ? dayIn(data.end_date, zone) : end;
  const preset = (days: number) => {
    setStart(daysBefore(days - 1, zone));
    setEnd("");
  };
  return (
    <Page
      title={say("figures")}
      about={data && say("daysIn", { zone: data.time_zone })}
      actions={
        <>
          <Menu
            label={say("exportFigures")}
            items={EXPORTS.flatMap(([type, word]) =>
              (["csv", "json"] as const).map((format) => ({
                label: `${say(word)} (${format.toUpperCase()})`,
                run: () => void exported(type, format),
              })),
            )}
          >
            <Download aria-hidden="true" />
            {say("exportFigures")}
          </Menu>
          <button type="button" className="button" onClick={() => window.print()}>
            <Printer aria-hidden="true" />
            {say("print")}
          </button>
        </>
      }
    >
      <div className="filter-bar">
        <Select
          label={say("agent")}
          value={agent}
          options={[["", say("allAgents")], ...agents.map(({ id, name }) => [id, name] as const)]}
          onChange={(event) => setAgent(event.target.value)}
        />
        <Field
          label={say("from")}
          type="date"
          value={from}
          max={to}
          onChange={(event) => setStart(event.target.value)}
        />
        <Field label={say("to")} type="date" value={to} min={from} onChange={(event) => setEnd(event.target.value)} />
        <div className="row" role="group" aria-label={say("period")}>
          {[7, 30, 90].map((days) => (
            <button
              key={days}
              type="button"
              className="chip"
              aria-pressed={end === "" && from === daysBefore(days - 1, zone)}
              onClick={() => preset(days)}
            >
              {say("lastDays", { n: days })}
            </button>
          ))}
        </div>
      </div>
      {data ? (
        <>
          <Numbers report={data} />
          <ChartGrid days={data.by_day} />
          {data.top_agents && <AgentTable agents={data.top_agents} />}
        </>
      ) : error ? (
        <Failed error={error} retry={refetch} />
      ) : (
        isPending && <Loading rows={6} />
      )}
    </Page>
  );
}
