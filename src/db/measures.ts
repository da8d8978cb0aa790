/** What is counted or added up for an agent and a model in a span of time; analytic-cell.ts says how. */
export const MEASURES = [
  ...(["turns", "failed", "stopped", "questions", "replies", "deleted", "timed", "time"] as const),
  ...(["measured", "measured_input", "measured_output", "estimated", "estimated_input", "estimated_output"] as const),
  ...(["cached", "cache_known", "unpriced", "cost_whole", "cost_fraction"] as const),
  ...(["rated_up", "rated_down", "handed_over", "staff_replies", "waits", "waited", "conversations", "leads"] as const),
] as const;

/** The first and the last of the currencies of the costs: where they are the same, the costs can be added up. */
export const CURRENCIES = ["currency_first", "currency_last"] as const;

/** Everything that is kept of a cell, in order. */
export const COLUMNS = [...MEASURES, ...CURRENCIES] as const;

/** SQL that brings those of several cells together. */
export const TOGETHER = [
  ...MEASURES.map((name) => `sum(${name}) AS ${name}`),
  ...CURRENCIES.map((name) => `${name === "currency_first" ? "min" : "max"}(${name}) AS ${name}`),
].join(", ");

/** What is brought together of one group; null where there is nothing. */
export type Measured = Record<(typeof MEASURES)[number], number | null> &
  Record<(typeof CURRENCIES)[number], string | null>;
