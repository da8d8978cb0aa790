/** What many noisy figures come down to. Pure. */

/** The value below which `p` (0–1) of the values are, nearest rank. */
export function quantile(values: number[], p: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(p * sorted.length) - 1)] ?? Number.NaN;
}

export const median = (values: number[]): number => quantile(values, 0.5);

/**
 * The ratio of two targets that took turns: the median over rounds of the ratio within a round, so that what else the
 * machine did in the meantime hits both sides alike.
 */
export const pairedRatio = (ours: number[][], floor: number[][]): number =>
  median(ours.map((round, i) => median(round) / median(floor[i] ?? [])));
