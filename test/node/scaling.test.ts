/** The load model: its arithmetic, its queue against what queueing theory knows, and the document that quotes it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { root } from "../../src/cli/tool/project.ts";
import { dayOf, monthlyBill, shapeOf } from "../../bench/scaling/model.ts";
import { simulate } from "../../bench/scaling/queue.ts";
import { tables, withTables } from "../../bench/scaling/tables.ts";

const plain = (text: string) => text.replaceAll(/ +/g, " ").replaceAll(/-{3,}/g, "---");

it("docs/scaling.md has the tables that `npm run scaling` writes", { tags: "slow" }, () => {
  const text = readFileSync(join(root, "docs/scaling.md"), "utf8");
  const all = tables();
  const quoted = [...text.matchAll(/<!-- (\w+) -->\n/g)].map(([, name]) => name).filter((name) => name !== "end");
  expect(new Set(quoted)).toEqual(new Set(Object.keys(all)));
  expect(plain(withTables(text, all))).toBe(plain(text));
});

describe("one database", () => {
  const quiet = { service: 5, model_seconds: 3, pages_per_turn: 1 };

  it("is as busy as its calls take", () => {
    for (const rate of [5, 20, 40]) expect(simulate({ ...quiet, rate }).busy).toBeCloseTo((rate * 3 * 5) / 1000, 1);
  });

  it("lets calls wait longer the busier it is, and without end beyond its capacity", () => {
    const p99 = [5, 20, 40, 60, 100].map((rate) => simulate({ ...quiet, rate }).p99);
    expect(p99).toEqual(p99.toSorted((a, b) => a - b));
    const [short, long] = [10_000, 40_000].map((turns) => simulate({ ...quiet, rate: 100 }, turns).p99);
    expect(Number(long)).toBeGreaterThan(3 * Number(short));
  });

  it("waits as Pollaczek and Khinchine say", () => {
    // Mean wait of M/G/1; lognormal with sigma 0.5 has a squared coefficient of variation of e^0.25 - 1.
    const [rate, service] = [40, 5];
    const busy = (rate * 3 * service) / 1000;
    const expected = ((busy * service) / (1 - busy)) * ((1 + (Math.exp(0.25) - 1)) / 2);
    const { p50, p99 } = simulate({ ...quiet, rate }, 200_000);
    expect(p50).toBeGreaterThan(service);
    expect(p50).toBeLessThan(service + 2 * expected);
    expect(p99).toBeGreaterThan(service + expected);
  });
});

describe("on paper", () => {
  it("ten times the conversations are ten times everything", () => {
    const [one, ten] = [dayOf(1_000), dayOf(10_000)];
    for (const meter of Object.keys(one) as (keyof typeof one)[]) expect(ten[meter]).toBeCloseTo(10 * one[meter], 6);
    expect(shapeOf(10_000).peak_trips).toBeCloseTo(10 * shapeOf(1_000).peak_trips, 6);
  });

  it("charges nothing for what the plan includes, and storage for as long as it is kept", () => {
    expect(Object.values(monthlyBill(10, 12)).every((dollars) => dollars === 0)).toBe(true);
    const [first, later] = [monthlyBill(1_000_000, 1), monthlyBill(1_000_000, 12)];
    expect(later.row_written).toBe(first.row_written);
    expect(later.d1_gb_month).toBeGreaterThan(11 * first.d1_gb_month);
  });
});
