/** The charts of a report. Each has its numbers as a table, too; the code that draws comes when it is wanted. */
import { lazy, Suspense } from "react";
import { Loading } from "../ui/state.tsx";
import { number, span } from "../ui/time.tsx";
import { say } from "../words.ts";
import type { Day } from "./report.ts";

const Chart = lazy(async () => ({ default: (await import("./charts.tsx")).Chart }));

/** Values of a day by the names of the series. */
type Point = { date: string; [series: string]: string | number | null };
type Series = { name: string; label: string; color: string };
export type ChartSpec = {
  title: string;
  kind: "bars" | "lines";
  series: Series[];
  points: Point[];
  show: (value: number | null) => string;
};

const COLORS = { first: "var(--series-1)", second: "var(--series-2)", third: "var(--series-3)" };
const plain = (value: number | null) => (value === null ? "–" : number(value));

const specsOf = (days: Day[]): ChartSpec[] => [
  {
    title: say("turnsByDay"),
    kind: "bars",
    series: [
      { name: "completed", label: say("completed"), color: COLORS.first },
      { name: "stopped", label: say("stopped"), color: COLORS.second },
      { name: "failed", label: say("failed"), color: COLORS.third },
    ],
    points: days.map(({ date, turn_count, failed_turns, stopped_turns }) => ({
      date,
      completed: turn_count - failed_turns - stopped_turns,
      stopped: stopped_turns,
      failed: failed_turns,
    })),
    show: plain,
  },
  {
    title: say("responseTime"),
    kind: "lines",
    series: [
      { name: "p50", label: say("median"), color: COLORS.first },
      { name: "p95", label: say("p95"), color: COLORS.third },
    ],
    points: days.map((day) => ({ date: day.date, p50: day.p50_response_time_ms, p95: day.p95_response_time_ms })),
    show: span,
  },
  {
    title: say("tokensWord"),
    kind: "bars",
    series: [
      { name: "input", label: say("tokensIn"), color: COLORS.first },
      { name: "output", label: say("tokensOut"), color: COLORS.second },
    ],
    points: days.map(({ date, usage }) => ({
      date,
      input: usage?.input_tokens ?? null,
      output: usage?.output_tokens ?? null,
    })),
    show: plain,
  },
  {
    title: say("newByDay"),
    kind: "bars",
    series: [
      { name: "conversations", label: say("conversations"), color: COLORS.first },
      { name: "leads", label: say("leads"), color: COLORS.second },
    ],
    points: days.map(({ date, new_conversations, new_leads }) => ({
      date,
      conversations: new_conversations,
      leads: new_leads,
    })),
    show: plain,
  },
  {
    title: say("peopleByDay"),
    kind: "bars",
    series: [
      { name: "hand_overs", label: say("handOvers"), color: COLORS.third },
      { name: "staff_replies", label: say("staffReplies"), color: COLORS.first },
    ],
    points: days.map(({ date, hand_overs, staff_replies }) => ({ date, hand_overs, staff_replies })),
    show: plain,
  },
  {
    title: say("ratings"),
    kind: "bars",
    series: [
      { name: "up", label: say("ratedUp"), color: COLORS.second },
      { name: "down", label: say("ratedDown"), color: COLORS.third },
    ],
    points: days.map(({ date, feedback }) => ({ date, up: feedback.up, down: feedback.down })),
    show: plain,
  },
];

export const ChartGrid = ({ days }: { days: Day[] }) => (
  <div className="charts">
    {specsOf(days).map((spec) => (
      <figure key={spec.title} className="card chart">
        <figcaption>
          <h2>{spec.title}</h2>
        </figcaption>
        <div className="chart-area">
          <Suspense fallback={<Loading rows={4} />}>
            <Chart spec={spec} />
          </Suspense>
        </div>
        <ValueTable spec={spec} />
      </figure>
    ))}
  </div>
);

const ValueTable = ({ spec: { title, series, points, show } }: { spec: ChartSpec }) => (
  <details>
    <summary>{say("asTable")}</summary>
    <div className="table-frame value-table" tabIndex={0} role="region" aria-label={title}>
      <table aria-label={title}>
        <thead>
          <tr>
            <th scope="col">{say("day")}</th>
            {series.map(({ name, label }) => (
              <th key={name} scope="col" className="number">
                {label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {points.map((point) => (
            <tr key={point.date}>
              <td data-label={say("day")}>{point.date}</td>
              {series.map(({ name, label }) => (
                <td key={name} data-label={label} className="number">
                  {show(point[name] as number | null)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  </details>
);
