/** Turns: one after another, streamed, sixteen conversations at once, and late in a long conversation. */
import { setTimeout } from "node:timers/promises";
import type { Sample, Send } from "./load.ts";
import type { Load } from "./processes.ts";
import { type Effort, roundsOf } from "./rounds.ts";
import { inOrderOf, NEAR, type TargetName, type Targets } from "./targets.ts";

/** Milliseconds (or turns a second) of every target, a list per round. */
export type Rounds = Record<TargetName, number[][]>;

const empty = (): Rounds => ({ model: [], durable: [], promise: [], service: [], "durable-far": [], far: [] });

type Make = (name: TargetName, url: string, n: number) => Send;

/** `perRound` turns of a fresh conversation after its first one, of each target in each round. */
async function alternate(
  load: Load,
  targets: Targets,
  effort: Effort,
  perRound: number,
  make: Make,
  value: (sample: Sample) => number,
  names: readonly TargetName[] = NEAR,
): Promise<Rounds> {
  const result = empty();
  for (const round of roundsOf(effort)) {
    for (const name of inOrderOf(names, round)) {
      const url = await targets.conversation(name);
      const turns = Array.from({ length: perRound + 1 }, (_, n) => make(name, url, n));
      const samples = await load.run(turns);
      if (round > 0) result[name].push(samples.slice(1).map(value));
    }
  }
  return result;
}

export const jsonTurns = (
  load: Load,
  targets: Targets,
  effort: Effort,
  perRound: number,
  names: readonly TargetName[] = NEAR,
): Promise<Rounds> =>
  alternate(
    load,
    targets,
    effort,
    perRound,
    (...args) => targets.turn(...args),
    (sample) => sample.ms,
    names,
  );

export const firstTokens = (load: Load, targets: Targets, effort: Effort, perRound: number): Promise<Rounds> =>
  alternate(
    load,
    targets,
    effort,
    perRound,
    (...args) => targets.streamed(...args),
    ({ first, body }) => {
      if (first === null) throw new Error(`a stream without text: ${body}`);
      return first;
    },
  );

/** Milliseconds of the very first turn of a new conversation: an object nobody has touched. */
export async function firstTurns(load: Load, targets: Targets, effort: Effort): Promise<Rounds> {
  const result = empty();
  for (const round of roundsOf(effort)) {
    for (const name of inOrderOf(NEAR, round)) {
      const url = await targets.conversation(name);
      const [sample] = await load.run([targets.turn(name, url, 0)]);
      if (round > 0 && sample) result[name].push([sample.ms]);
    }
  }
  return result;
}

/**
 * Turns a second with `lanes` conversations at once, each sending one turn after another, and milliseconds of CPU a turn
 * (`cpu` says what the server has taken so far): what it does afterwards, within a second, is in it.
 */
export async function throughput(
  load: Load,
  targets: Targets,
  effort: Effort,
  lanes: number,
  perLane: number,
  cpu: () => number | null,
): Promise<{ rates: Rounds; costs: Rounds }> {
  const [rates, costs] = [empty(), empty()];
  const urls = new Map<TargetName, string[]>();
  for (const name of NEAR) {
    urls.set(name, await Promise.all(Array.from({ length: lanes }, () => targets.conversation(name))));
  }
  for (const round of roundsOf(effort)) {
    for (const name of inOrderOf(NEAR, round)) {
      const work = (urls.get(name) ?? []).map((url) =>
        Array.from({ length: perLane }, (_, n) => targets.turn(name, url, round * perLane + n)),
      );
      const before = cpu();
      const { ms } = await load.lanes(work);
      await setTimeout(AFTERWARDS);
      const after = cpu();
      if (round === 0) continue;
      rates[name].push([(lanes * perLane * 1000) / ms]);
      if (before !== null && after !== null) costs[name].push([(after - before) / (lanes * perLane)]);
    }
  }
  return { rates, costs };
}

/** Milliseconds within which a server has done what an answer did not wait for. */
const AFTERWARDS = 1_000;

/** Conversations made a second, `lanes` at once. */
export async function creations(
  load: Load,
  targets: Targets,
  effort: Effort,
  lanes: number,
  perLane: number,
): Promise<Rounds> {
  const result = empty();
  for (const round of roundsOf(effort)) {
    for (const name of inOrderOf(["durable", "service"] as const, round)) {
      const one = Array.from({ length: perLane }, () => targets.creation(name));
      const { ms } = await load.lanes(Array.from({ length: lanes }, () => one));
      if (round > 0) result[name].push([(lanes * perLane * 1000) / ms]);
    }
  }
  return result;
}

/** Turns around the tenth of fresh conversations beside turns around the `depth`th of one that has grown to it. */
export async function depths(
  load: Load,
  targets: Targets,
  effort: Effort,
  depth: number,
): Promise<{ early: number[][]; late: number[][] }> {
  const EACH = 3;
  const long = await targets.conversation("service");
  let turn = 0;
  const grow = (count: number) => load.run(Array.from({ length: count }, () => targets.turn("service", long, ++turn)));
  await grow(depth - Math.ceil((effort.rounds * EACH) / 2));
  const early: number[][] = [];
  const late: number[][] = [];
  for (const round of roundsOf(effort)) {
    const url = await targets.conversation("service");
    const young = Array.from({ length: 11 }, (_, n) => targets.turn("service", url, n));
    const first = (await load.run(young)).slice(-EACH).map((sample) => sample.ms);
    const second = (await grow(EACH)).map((sample) => sample.ms);
    if (round === 0) continue;
    early.push(first);
    late.push(second);
  }
  return { early, late };
}
