/** Draws a chart. With the keyboard, the arrows go from day to day and the values are told. */
import {
  Bar,
  BarChart,
  CartesianGrid,
  Legend,
  Line,
  LineChart,
  ResponsiveContainer,
  Tooltip,
  XAxis,
  YAxis,
} from "recharts";
import { currentLanguage, isRightToLeft } from "../words.ts";
import type { ChartSpec } from "./chart-grid.tsx";

const dayOf = (date: string): string =>
  new Intl.DateTimeFormat(currentLanguage(), { day: "numeric", month: "short", timeZone: "UTC" }).format(
    new Date(date),
  );

type Row = { name?: unknown; dataKey?: unknown; value?: unknown; color?: string };
type TipProps = { active?: boolean; label?: unknown; payload?: readonly Row[]; show: ChartSpec["show"] };

function Tip({ active, label, payload = [], show }: TipProps) {
  if (!active) return null;
  return (
    <div className="chart-tip" role="status">
      <strong>{dayOf(String(label))}</strong>
      {payload.map(({ name, dataKey, value }) => (
        <p key={String(dataKey)}>
          {String(name)}: {show(typeof value === "number" ? value : null)}
        </p>
      ))}
    </div>
  );
}

export function Chart({ spec: { title, kind, series, points, show } }: { spec: ChartSpec }) {
  const Frame = kind === "bars" ? BarChart : LineChart;
  return (
    <ResponsiveContainer width="100%" height="100%">
      <Frame data={points} title={title} margin={{ top: 8, right: 8, bottom: 0, left: 0 }} accessibilityLayer>
        <CartesianGrid vertical={false} stroke="var(--line)" />
        <XAxis
          dataKey="date"
          tickFormatter={dayOf}
          minTickGap={28}
          tickLine={false}
          stroke="var(--soft)"
          fontSize={12}
          reversed={isRightToLeft()}
        />
        <YAxis
          width={58}
          tickFormatter={(value: number) => show(value)}
          allowDecimals={false}
          tickLine={false}
          axisLine={false}
          stroke="var(--soft)"
          fontSize={12}
          orientation={isRightToLeft() ? "right" : "left"}
        />
        <Tooltip
          content={(props) => <Tip {...(props as Omit<TipProps, "show">)} show={show} />}
          cursor={{ fill: "var(--hover)", stroke: "var(--edge)" }}
          isAnimationActive={false}
        />
        <Legend iconSize={10} itemSorter={null} />
        {series.map(({ name, label, color }) =>
          kind === "bars" ? (
            <Bar key={name} dataKey={name} name={label} fill={color} stackId="all" isAnimationActive={false} />
          ) : (
            <Line
              key={name}
              dataKey={name}
              name={label}
              stroke={color}
              strokeWidth={2}
              dot={{ r: 2 }}
              connectNulls={false}
              isAnimationActive={false}
            />
          ),
        )}
      </Frame>
    </ResponsiveContainer>
  );
}
