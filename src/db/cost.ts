/** Sums of costs. They are exact decimals as JSON, and sums of floats are not: what is before and behind the point is added apart. */
import { decimalOf, unitsOf } from "../chat/money.ts";

/** SQL of the whole part of a cost in `column`, and of what is behind its point in units of 10^-12. */
export const wholeOf = (column: string): string => `CAST(${column} ->> '$.amount' AS INTEGER)`;
export const fractionOf = (column: string): string => {
  const amount = `(${column} ->> '$.amount')`;
  return `CAST(substr(substr(${amount}, instr(${amount} || '.', '.') + 1) || '000000000000', 1, 12) AS INTEGER)`;
};

/** Units of the sums of both. */
export const unitsOfSums = (whole: number, fraction: number): bigint =>
  BigInt(whole) * (unitsOf("1") ?? 0n) + BigInt(fraction);

/** The exact decimal of the sums of both. */
export const decimalOfSums = (whole: number, fraction: number): string => decimalOf(unitsOfSums(whole, fraction));
