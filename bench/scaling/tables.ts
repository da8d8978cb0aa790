/** The tables of docs/scaling.md, written by `npm run scaling`. */
import { ASSUMED, COSTS, PRICES } from "./costs.ts";
import { type Meter, monthlyBill, perMillionTurns, shapeOf, watchedRows } from "./model.ts";
import { simulate } from "./queue.ts";

const LOADS = [10, 10_000, 10_000_000];

/** Three significant digits, or whole. */
function number(value: number): string {
  if (value === 0) return "0";
  if (value >= 100) return Math.round(value).toLocaleString("en");
  return String(Number(value.toPrecision(value >= 10 ? 3 : 2)));
}

const dollars = (value: number) =>
  value === 0 ? "–" : value < 0.01 ? "< 0.01" : value >= 1000 ? number(value) : value.toFixed(2);

function table(head: string[], rows: string[][]): string {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(3, ...all.map((row) => row[column]?.length ?? 0)));
  const line = (row: string[]) => `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`;
  return [line(head), `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`, ...rows.map(line)].join("\n");
}

const operations = () =>
  table(
    ["Operation", "Calls to D1", "Rows read", "Rows written", "In the object: read", "Written"],
    Object.entries({
      "Create a conversation": COSTS.conversation,
      "Its first turn, besides": COSTS.first_turn,
      "A turn": COSTS.turn,
      "A page of 50 messages": COSTS.history,
      "A page of 20 conversations": COSTS.list,
      [`Streaming a reply for ${ASSUMED.model_seconds} seconds, besides`]: {
        ...{ trips: 0, d1_read: 0, d1_written: 0, object_read: 0 },
        object_written: watchedRows(ASSUMED.model_seconds),
      },
    }).map(([name, cost]) => [name, ...Object.values(cost).map(String)]),
  );

const METERS: [string, Meter[]][] = [
  ["Requests of the Worker, and their CPU", ["request", "cpu_ms"]],
  ["Requests of objects, and alarms", ["object_request"]],
  [`Objects awake (${ASSUMED.model_seconds} s a turn, 128 MB)`, ["object_gb_second"]],
  ["Rows written", ["row_written"]],
  ["Rows read", ["row_read"]],
  ["Storage, a month of it", ["d1_gb_month", "object_gb_month"]],
];

function million(): string {
  const cost = perMillionTurns();
  const rows = METERS.map(([name, meters]) => [name, dollars(meters.reduce((sum, meter) => sum + cost[meter], 0))]);
  const all = Object.values(cost).reduce((sum, value) => sum + value, 0);
  return table(["A million turns", "US$"], [...rows, ["**All**", `**${dollars(all)}**`]]);
}

function loads(): string {
  const shapes = LOADS.map(shapeOf);
  const row = (name: string, of: (shape: (typeof shapes)[number]) => string) => [name, ...shapes.map(of)];
  const bill = (conversations: number, months: number) =>
    dollars(Object.values(monthlyBill(conversations, months)).reduce((sum, value) => sum + value, 0));
  return table(
    ["Conversations a day", ...LOADS.map((load) => load.toLocaleString("en"))],
    [
      row("Turns a day", ({ turns }) => number(turns)),
      row("Turns a second in the busiest minute", ({ peak_turns }) => number(peak_turns)),
      row("Objects answering at once", ({ awake }) => number(awake)),
      row("Calls to D1 a second", ({ peak_trips }) => number(peak_trips)),
      row("Databases that these calls need", ({ databases }) => number(databases)),
      row("D1 grows a day by (GB)", ({ d1_gb_a_day }) => number(d1_gb_a_day)),
      row("One database is full after (days)", ({ days_to_full }) => number(days_to_full)),
      row("Objects grow a day by (GB)", ({ object_gb_a_day }) => number(object_gb_a_day)),
      row("Beyond the plan's 5 US$, first month", ({ conversations }) => bill(conversations, 1)),
      row("After a year of keeping everything", ({ conversations }) => bill(conversations, 12)),
    ],
  );
}

function queue(): string {
  const { model_seconds, pages_per_turn } = ASSUMED;
  const services = [1.2, 5, 20];
  const rates = [1, 5, 10, 20, 40, 60, 100, 200];
  const rows = rates.map((rate) => [
    String(rate),
    ...services.map((service) => {
      const { busy, p50, p99 } = simulate({ rate, service, model_seconds, pages_per_turn });
      return busy >= 0.99 ? "too much" : `${number(p50)} / ${number(p99)} (${Math.round(busy * 100)} %)`;
    }),
  ]);
  return table(["Turns a second", ...services.map((service) => `${service} ms a call`)], rows);
}

const prices = () =>
  table(
    ["", "US$"],
    [
      ["A million requests of a Worker", String(PRICES.request * 1e6)],
      ["A million milliseconds of CPU", String(PRICES.cpu_ms * 1e6)],
      ["A million requests of objects", String(PRICES.object_request * 1e6)],
      ["A million GB-seconds of objects", String(PRICES.object_gb_second * 1e6)],
      ["A million rows read", String(PRICES.row_read * 1e6)],
      ["A million rows written", String(PRICES.row_written * 1e6)],
      ["A GB in D1 for a month", String(PRICES.d1_gb_month)],
      ["A GB in objects for a month", String(PRICES.object_gb_month)],
    ],
  );

/** By the names that docs/scaling.md calls them. */
export const tables = (): Record<string, string> => ({
  operations: operations(),
  prices: prices(),
  million: million(),
  loads: loads(),
  queue: queue(),
});

/** `text` with every table between `<!-- name -->` and `<!-- end -->` written anew. */
export const withTables = (text: string, all: Record<string, string>): string =>
  text.replaceAll(/(<!-- (\w+) -->\n)[^]*?(<!-- end -->)/g, (whole, open: string, name: string, close: string) =>
    all[name] === undefined ? whole : `${open}\n${all[name]}\n\n${close}`,
  );
