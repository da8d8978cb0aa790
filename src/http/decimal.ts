/** Exact decimals and currencies in bodies. A number is taken as it is written, so that nothing is lost to a float. */
import * as z from "zod";
import { decimalOf, unitsOf } from "../chat/money.ts";
import { lazy } from "../lazy.ts";

const exact = (value: string | number): string | null => {
  const units = unitsOf(String(value));
  return units === null ? null : decimalOf(units);
};

/** A decimal from 0 on, with at most 15 digits before its point and 12 behind it; in its shortest form afterwards. */
export const decimal = lazy(() =>
  z
    .union([z.string(), z.number()])
    .refine((value) => exact(value) !== null, {
      error: "must be a decimal from 0 on, with at most 15 digits before the point and 12 behind it",
      abort: true,
    })
    .transform((value) => exact(value) ?? "0")
    .meta({ type: ["string", "number"], pattern: "^\\d{1,15}(\\.\\d{1,12})?$", example: "2.50" }),
);

/** ISO 4217. */
export const currency = lazy(() =>
  z
    .string()
    .regex(/^[A-Z]{3}$/, "must be the code of a currency, such as EUR")
    .meta({ example: "EUR" }),
);
