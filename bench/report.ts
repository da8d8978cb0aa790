/** The table that is printed: every figure beside what it is measured against and what it has to reach. */
import type { OperationCost } from "./rows.ts";

export type Line = {
  measure: string;
  /** Milliseconds unless `unit` says otherwise. */
  median: number;
  p99?: number;
  unit?: string;
  ratio?: number;
  /** What the ratio is to. */
  of?: string;
  target?: { atMost: number } | { atLeast: number };
  /** Whether the target speaks of the ratio or of the figure itself. */
  judged?: "ratio" | "figure";
};

/** Null where there is no target. */
export function isReached({ target, judged = "ratio", ratio, median }: Line): boolean | null {
  if (!target) return null;
  const value = judged === "ratio" ? (ratio ?? Number.NaN) : median;
  return "atMost" in target ? value <= target.atMost : value >= target.atLeast;
}

const number = (value: number | undefined, digits = 2) => (value === undefined ? "" : value.toFixed(digits));

const targetText = (line: Line) => {
  if (!line.target) return "";
  const [sign, value] = "atMost" in line.target ? ["≤", line.target.atMost] : ["≥", line.target.atLeast];
  return `${sign} ${value}${line.judged === "figure" && line.unit ? ` ${line.unit}` : ""}`;
};

export function table(lines: Line[]): string {
  const head = ["", "median", "p99", "", "ratio", "to", "target", ""];
  const rows = lines.map((line) => [
    line.measure,
    number(line.median),
    number(line.p99),
    line.unit ?? "ms",
    number(line.ratio),
    line.of ?? "",
    targetText(line),
    { true: "reached", false: "MISSED", null: "" }[String(isReached(line)) as "true" | "false" | "null"],
  ]);
  return aligned([head, ...rows], new Set([1, 2, 4]));
}

/** Columns side by side; those in `right` end together. */
function aligned(rows: string[][], right: Set<number>): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const pad = (cell: string, column: number) =>
    right.has(column) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0);
  return rows.map((row) => row.map(pad).join("  ").trimEnd()).join("\n");
}

/** What each operation costs, a row each. */
export function costTable(costs: OperationCost[]): string {
  const head = ["", "D1 trips", "statements", "rows read", "written", "object: rows read", "written"];
  const rows = costs.map(({ operation, ...figures }) => [operation, ...Object.values(figures).map(String)]);
  return aligned([head, ...rows], new Set([1, 2, 3, 4, 5, 6]));
}
