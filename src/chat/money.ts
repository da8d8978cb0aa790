/** Amounts of money, exact: they are counted in units of 10^-12 of a currency as integers of any size. Pure. */
import type { Usage } from "./usage.ts";

/** Exact decimal, such as "0.000345", and the currency's code (ISO 4217). */
export type Cost = { amount: string; currency: string };

/** What a model costs per million tokens, as exact decimals of at most PRICE_DECIMALS digits behind the point. */
export type Price = { input: string; cached_input: string | null; output: string; currency: string };

/** Digits behind the point of an amount. */
const DECIMALS = 12;
/** Prices are per million tokens: with these, what one token costs is a whole number of units. */
export const PRICE_DECIMALS = 6;

/** At most 15 digits before the point and 12 behind it. */
const DECIMAL = /^(\d{1,15})(?:\.(\d{1,12}))?$/;

/** Units of a decimal such as "12.50"; null when it is none, or has more than `decimals` digits behind the point. */
export function unitsOf(decimal: string, decimals: number = DECIMALS): bigint | null {
  const [, whole, fraction = ""] = DECIMAL.exec(decimal) ?? [];
  return whole === undefined || fraction.length > decimals ? null : BigInt(whole + fraction.padEnd(DECIMALS, "0"));
}

/** The decimal of so many units, without zeros at its end. */
export function decimalOf(units: bigint): string {
  const digits = units.toString().padStart(DECIMALS + 1, "0");
  let end = digits.length;
  while (end > digits.length - DECIMALS && digits[end - 1] === "0") end--;
  const fraction = digits.slice(-DECIMALS, end);
  return digits.slice(0, -DECIMALS) + (fraction && `.${fraction}`);
}

type Tokens = Pick<Usage, "input_tokens" | "output_tokens"> & { cached_input_tokens?: number | null };

/** Units that tokens cost. What was cached costs as much as the rest where the price says nothing else. */
export function unitsFor({ input_tokens, output_tokens, cached_input_tokens }: Tokens, price: Price): bigint {
  const perToken = (decimal: string) => (unitsOf(decimal) ?? 0n) / 1_000_000n;
  const cached = Math.min(cached_input_tokens ?? 0, input_tokens);
  return (
    BigInt(input_tokens - cached) * perToken(price.input) +
    BigInt(cached) * perToken(price.cached_input ?? price.input) +
    BigInt(output_tokens) * perToken(price.output)
  );
}

/** What tokens cost, or null where nobody said what the model costs. */
export const costOf = (tokens: Tokens, price: Price | null): Cost | null =>
  price && { amount: decimalOf(unitsFor(tokens, price)), currency: price.currency };
