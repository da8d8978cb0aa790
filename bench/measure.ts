/** Everything that is measured, in order, as lines of the report. */
import { join } from "node:path";
import { unstable_readConfig } from "wrangler";
import { readConfig } from "../src/config.ts";
import { paths } from "../src/cli/tool/project.ts";
import { FAR } from "./far.ts";
import { type ListCase, listCases, measureLists } from "./lists.ts";
import type { Send } from "./load.ts";
import type { Load } from "./processes.ts";
import type { Line } from "./report.ts";
import type { Effort } from "./rounds.ts";
import { type OperationCost, operationCosts } from "./rows.ts";
import { seedConversations, seedHistory, seedTenant } from "./seed.ts";
import { bundle, serve, type Served } from "./served.ts";
import { bundleSize, startUpTime } from "./startup.ts";
import { median, pairedRatio, quantile } from "./statistics.ts";
import { FAR_AWAY, NEAR, Targets } from "./targets.ts";
import { creations, depths, firstTokens, firstTurns, jsonTurns, type Rounds, throughput } from "./turns.ts";

/** How much of each measure there is. */
type Efforts = Record<
  "turns" | "far" | "streams" | "first" | "parallel" | "created" | "depths" | "lists" | "start",
  Effort
>;

const LARGE = 100_000;
const LANES = 16;

/** Secrets of a database that lives for minutes. */
const VARS = {
  TOKEN_SECRETS: "benchmark-".repeat(5),
  ENCRYPTION_KEYS: `k1:${"A".repeat(43)}`,
  ALLOW_LOOPBACK_UPSTREAMS: "true",
  RATE_LIMITS: "off",
};

export type Run = { folder: string; load: Load; model: string; efforts: Efforts; say: (what: string) => void };

export async function measure(run: Run): Promise<{ lines: Line[]; costs: OperationCost[] }> {
  run.say("building");
  const script = await bundle(join(run.folder, "bundle"));
  const shipped = await measureShipped(run, script);
  run.say("starting");
  const vars = { ...VARS, OPENAI_COMPATIBLE_BASE_URL: run.model, MODEL: run.model };
  const served = await serve(run.folder, script, vars);
  try {
    const { lines, costs } = await measureServed(run, served);
    return { lines: [...shipped, ...lines], costs };
  } finally {
    await served.stop();
  }
}

async function measureShipped({ folder, efforts }: Run, script: string): Promise<Line[]> {
  const { compatibility_date: date = "", compatibility_flags: flags } = unstable_readConfig(
    { config: paths.localConfig },
    { hideWarnings: true },
  );
  const start = await startUpTime(join(folder, "start"), script, { date, flags }, efforts.start.rounds);
  return [
    { ...line("bundle, gzipped", [bundleSize(script)], "KiB"), target: { atMost: 276 }, judged: "figure" },
    { ...line("start-up, CPU", [start]), target: { atMost: 50 }, judged: "figure" },
  ];
}

async function measureServed(
  { load, efforts, say }: Run,
  served: Served,
): Promise<{ lines: Line[]; costs: OperationCost[] }> {
  const tenant = (kind: number) => seedTenant(served.db, readConfig(VARS), kind);
  const [talking, small, large, history] = [await tenant(1), await tenant(2), await tenant(3), await tenant(4)];
  const targets = new Targets(served, load, talking);

  say("turns, one after another");
  const turns = await jsonTurns(load, targets, efforts.turns, 10);
  say("the same with databases far away");
  const away = await jsonTurns(load, targets, efforts.far, 10, FAR_AWAY);
  say("turns, streamed");
  const tokens = await firstTokens(load, targets, efforts.streams, 8);
  say("first turns of new conversations");
  const firsts = await firstTurns(load, targets, efforts.first);
  say(`${LANES} conversations at once`);
  const parallel = await throughput(load, targets, efforts.parallel, LANES, 8, served.cpu);
  say(`${LANES} conversations made at once`);
  const created = await creations(load, targets, efforts.created, LANES, 8);
  say("a long conversation");
  const { early, late } = await depths(load, targets, efforts.depths, 1000);

  say("seeding");
  await seedConversations(served.db, small, 0x102, 100);
  await seedConversations(served.db, large, 0x103, LARGE);
  const short = await seedHistory(served.db, history, 0x104, 100);
  const long = await seedHistory(served.db, history, 0x105, 10_000);
  say("lists");
  const cases = await listCases(load, served.url("service"), { small, large, history, short, long });
  const floors = await floorCases(served, cases);
  const lists = await measureLists(load, [...cases, ...floors], efforts.lists, 5);
  say("rows");
  const costs = await operationCosts(load, served.url("metered"), talking, cases);

  const most = (name: string) => (isNumbered(name) ? null : name.endsWith(SELECT) ? 1.3 : 1.2);
  const lines = [
    ...against("turn", turns, { atMost: 1.1 }),
    ...distant("turn", away, { atMost: 0.35 }),
    ...against("first token, over the model's own", overModel(tokens), { atMost: 1.2 }),
    ...against("first turn of a conversation", firsts, { atMost: 1.3 }, "ms", "promise"),
    ...against(`${LANES} at once`, parallel.rates, { atLeast: 0.9 }, "turns/s"),
    ...against("CPU a turn", parallel.costs, { atMost: 1.3 }),
    ...against("conversations made", created, { atLeast: 0.8 }, "a second"),
    ...compared("turn 1,000 / turn 10", late, early, 1.1),
    ...[...lists].flatMap(([name, { near, far }]) => compared(name, far, near, most(name))),
  ];
  return { lines, costs };
}

const SELECT = "one bare select of it";

/** Pages beside the same rows from one bare select. */
async function floorCases(served: Served, cases: ListCase[]): Promise<ListCase[]> {
  const tenant = await seedTenant(served.floor, readConfig(VARS), 5);
  await seedConversations(served.floor, tenant, 0x502, 1000);
  const id = await seedHistory(served.floor, tenant, 0x504, 1000);
  const base = `${served.url("durable")}/conversation`;
  const beside = (name: string, far: Send | undefined, url: string): ListCase[] =>
    far ? [{ name: `${name} / ${name}, ${SELECT}`, far, near: { method: "GET", url } }] : [];
  return [
    ...beside("page of a list", cases[0]?.far, `${base}?company=${tenant.company_id}`),
    ...beside("page of a history", cases[3]?.far, `${base}/${id}/messages`),
  ];
}

/** What comes before the first token beyond what the model itself takes, to within the round. */
function overModel(rounds: Rounds): Rounds {
  const own = rounds.model.map(median);
  const over = (values: number[][]) => values.map((round, i) => round.map((ms) => ms - (own[i] ?? 0)));
  return {
    ...rounds,
    model: [],
    durable: over(rounds.durable),
    promise: over(rounds.promise),
    service: over(rounds.service),
  };
}

type Floor = "durable" | "promise";

/** Every target of a measure; the service judged by its ratio to a floor. */
function against(
  measured: string,
  rounds: Rounds,
  target: Line["target"],
  unit = "ms",
  floor: Floor = "durable",
): Line[] {
  const ratio = (name: "service" | "promise", of: Floor) => ({
    ratio: pairedRatio(rounds[name], rounds[of]),
    of: `${of} floor`,
  });
  return NEAR.filter((name) => rounds[name].length > 0).map((name) => ({
    ...line(`${measured}: ${name}`, rounds[name].flat(), unit),
    ...(name === "service" ? { ...ratio("service", floor), target } : {}),
    ...(name === "promise" ? ratio("promise", "durable") : {}),
  }));
}

/** The service and the durable floor, both with their databases far away. */
function distant(measured: string, rounds: Rounds, target: Line["target"]): Line[] {
  const name = `${measured}, database ${FAR} ms away`;
  return [
    line(`${name}: durable`, rounds["durable-far"].flat()),
    {
      ...line(`${name}: service`, rounds.far.flat()),
      ratio: pairedRatio(rounds.far, rounds["durable-far"]),
      of: "durable floor",
      target,
    },
  ];
}

/** A page by its number walks the index up to it: that is what cursors are for. */
const isNumbered = (name: string) => name.includes("page=");

/** Two sides of the service itself: the ratio of the first to the second. */
function compared(name: string, far: number[][], near: number[][], atMost: number | null): Line[] {
  const [ofFar = "", ofNear = ""] = name.split(" / ");
  return [
    line(ofNear, near.flat()),
    {
      ...line(ofFar, far.flat()),
      ...{ ratio: pairedRatio(far, near), of: ofNear },
      ...(atMost === null ? {} : { target: { atMost } }),
    },
  ];
}

const line = (measured: string, values: number[], unit = "ms"): Line => ({
  measure: measured,
  median: median(values),
  ...(values.length < 20 ? {} : { p99: quantile(values, 0.99) }),
  unit,
});
