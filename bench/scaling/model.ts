/** The load model on paper: from conversations a day to rows, objects, databases and dollars. Pure. */
import { DeltaBuffer } from "../../src/chat/engine/delta-buffer.ts";
import { ASSUMED, COSTS, type Cost, INCLUDED, LIMITS, PRICES, SIZES } from "./costs.ts";

export type Meter = keyof typeof PRICES;
export type Usage = Record<Meter, number>;

const GB = 1e9;

/**
 * Rows that an object writes because a reply is watched while it is made: its deltas, as the real buffer makes them of so
 * many seconds, and their removal a day later.
 */
export function watchedRows(seconds: number): number {
  let deltas = 0;
  const buffer = new DeltaBuffer(
    () => true,
    () => deltas++,
  );
  const word = 1000 / ASSUMED.words_a_second;
  for (let at = 0; at < seconds * 1000; at += word) {
    const wait = buffer.push("word ", at);
    if (wait !== null && wait < word) buffer.due(at + wait);
  }
  buffer.end();
  return deltas + 1;
}

/** What a day of `conversations` uses; storage as what it adds. */
export function dayOf(conversations: number): Usage {
  const { turns_per_conversation, pages_per_turn, model_seconds, edge_cpu_ms, alarms_per_conversation } = ASSUMED;
  const turns = conversations * turns_per_conversation;
  const pages = turns * pages_per_turn;
  const sum = (of: (cost: Cost) => number) =>
    conversations * (of(COSTS.conversation) + of(COSTS.first_turn)) +
    turns * of(COSTS.turn) +
    pages * of(COSTS.history);
  const requests = conversations + turns + pages;
  return {
    request: requests,
    cpu_ms: requests * edge_cpu_ms,
    object_request: turns + conversations * alarms_per_conversation,
    object_gb_second: turns * model_seconds * 0.128,
    row_read: sum((cost) => cost.d1_read + cost.object_read),
    // Setting an alarm is billed as a row.
    row_written:
      sum((cost) => cost.d1_written + cost.object_written) +
      turns * watchedRows(model_seconds) +
      conversations * alarms_per_conversation,
    d1_gb_month: (conversations * SIZES.d1_conversation + turns * SIZES.d1_turn) / GB,
    object_gb_month: (conversations * SIZES.object + turns * SIZES.object_turn) / GB,
  };
}

/** Dollars a month, after `months` months of the same every day; without the 5 of the plan, without the model. */
export function monthlyBill(conversations: number, months: number): Usage {
  const day = dayOf(conversations);
  const stored = new Set<Meter>(["d1_gb_month", "object_gb_month"]);
  const bill = (Object.keys(PRICES) as Meter[]).map((meter) => {
    const used = day[meter] * 30 * (stored.has(meter) ? months : 1);
    return [meter, Math.max(0, used - INCLUDED[meter]) * PRICES[meter]];
  });
  return Object.fromEntries(bill) as Usage;
}

/** Dollars for a million turns beyond what is included, a month of storage with them. */
export function perMillionTurns(): Usage {
  const day = dayOf(1e6 / ASSUMED.turns_per_conversation);
  return Object.fromEntries(
    (Object.keys(PRICES) as Meter[]).map((meter) => [meter, day[meter] * PRICES[meter]]),
  ) as Usage;
}

export type Shape = {
  conversations: number;
  turns: number;
  peak_turns: number;
  /** Objects that are answering in the busiest minute. */
  awake: number;
  peak_trips: number;
  /** Databases that the calls of the busiest minute need. */
  databases: number;
  d1_gb_a_day: number;
  object_gb_a_day: number;
  /** Until one database is full. */
  days_to_full: number;
};

export function shapeOf(conversations: number): Shape {
  const { turns_per_conversation, pages_per_turn, peak, model_seconds, d1_ms, d1_busy } = ASSUMED;
  const turns = conversations * turns_per_conversation;
  const peak_turns = (turns / 86_400) * peak;
  const a_conversation = (COSTS.conversation.trips + COSTS.first_turn.trips) / turns_per_conversation;
  const peak_trips = peak_turns * (COSTS.turn.trips + pages_per_turn * COSTS.history.trips + a_conversation);
  const { d1_gb_month: d1_gb_a_day, object_gb_month: object_gb_a_day } = dayOf(conversations);
  return {
    ...{
      conversations,
      turns,
      peak_turns,
      awake: peak_turns * model_seconds,
      peak_trips,
      d1_gb_a_day,
      object_gb_a_day,
    },
    databases: Math.max(1, Math.ceil((peak_trips * d1_ms) / 1000 / d1_busy)),
    days_to_full: LIMITS.d1_gb / d1_gb_a_day,
  };
}
