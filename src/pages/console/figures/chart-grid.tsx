/** The charts of a report. Each has its numbers as a table, too; the code that draws comes when it is wanted. */
import { lazy, Suspense } from "react";
import { Loading } from "../ui/state.tsx";
import { Grid } from "../ui/table.tsx";
import { number, span } from "../ui/time.tsx";
import { say, type Word } from "../words.ts";
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

const [FIRST, SECOND, THIRD] = ["var(--series-1)", "var(--series-2)", "var(--series-3)"];
const plain = (value: number | null) => (value === null ? "–" : number(value));

type Line = [label: Word, color: string, valueOf: (day: Day) => number | null];
type Plan = { title: Word; kind?: ChartSpec["kind"]; show?: ChartSpec["show"]; lines: Line[] };

const PLANS: Plan[] = [
  {
    title: "turnsByDay",
    lines: [
      ["completed", FIRST, (day) => day.turn_count - day.failed_turns - day.stopped_turns],
      ["stopped", SECOND, (day) => day.stopped_turns],
      ["failed", THIRD, (day) => day.failed_turns],
    ],
  },
  {
    title: "responseTime",
    kind: "lines",
    show: span,
    lines: [
      ["median", FIRST, (day) => day.p50_response_time_ms],
      ["p95", THIRD, (day) => day.p95_response_time_ms],
    ],
  },
  {
    title: "tokensWord",
    lines: [
      ["tokensIn", FIRST, ({ usage }) => usage?.input_tokens ?? null],
      ["tokensOut", SECOND, ({ usage }) => usage?.output_tokens ?? null],
    ],
  },
  {
    title: "newByDay",
    lines: [
      ["conversations", FIRST, (day) => day.new_conversations],
      ["leads", SECOND, (day) => day.new_leads],
    ],
  },
  {
    title: "peopleByDay",
    lines: [
      ["handOvers", THIRD, (day) => day.hand_overs],
      ["staffReplies", FIRST, (day) => day.staff_replies],
    ],
  },
  {
    title: "ratings",
    lines: [
      ["ratedUp", SECOND, ({ feedback }) => feedback.up],
      ["ratedDown", THIRD, ({ feedback }) => feedback.down],
    ],
  },
];

const specOf = (days: Day[], { title, kind = "bars", show = plain, lines }: Plan): ChartSpec => ({
  ...{ title: say(title), kind, show },
  series: lines.map(([name, color]) => ({ name, label: say(name), color })),
  points: days.map((day) => ({
    date: day.date,
    ...Object.fromEntries(lines.map(([name, , valueOf]) => [name, valueOf(day)])),
  })),
});

export const ChartGrid = ({ days }: { days: Day[] }) => (
  <div className="charts">
    {PLANS.map((plan) => specOf(days, plan)).map((spec) => (
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
      <Grid
        label={title}
        rows={points}
        keyOf={({ date }) => date}
        columns={[
          { name: say("day"), cell: ({ date }) => date },
          ...series.map(({ name, label }) => ({
            name: label,
            isNumber: true,
            cell: (point: Point) => show(point[name] as number | null),
          })),
        ]}
      />
    </div>
  </details>
);
