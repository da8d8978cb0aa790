/** A schema in words. */
import { nameOf, type Schema } from "./document.ts";

/** In one phrase: `string (uuid) or null`, `array of Message`. */
export function typeOf(schema: Schema): string {
  if (schema.$ref !== undefined) return nameOf(schema.$ref);
  const variants = schema.oneOf ?? schema.anyOf;
  if (variants) return [...new Set(variants.map(typeOf))].join(" or ");
  if (schema.allOf) return schema.allOf.map(typeOf).join(" and ");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((one) => JSON.stringify(one)).join(" · ");
  const types = [schema.type ?? "any"].flat();
  return types
    .map((type) => (type === "array" ? `array of ${typeOf(schema.items ?? {})}` : type))
    .map((type) => (type === "string" && schema.format !== undefined ? `string (${schema.format})` : type))
    .join(" or ");
}

/** Limits and default, as words. */
export function limitsOf(schema: Schema): string {
  const range = (low: number | undefined, high: number | undefined, unit: string) => {
    if (low === undefined && high === undefined) return [];
    // Whole numbers come with the bounds of the format, which tell nobody anything.
    const bounded = high !== undefined && Math.abs(high) < Number.MAX_SAFE_INTEGER ? high : undefined;
    const least = low !== undefined && Math.abs(low) < Number.MAX_SAFE_INTEGER ? low : undefined;
    if (least !== undefined && bounded !== undefined) return [`${least}–${bounded}${unit}`];
    return [
      ...(least === undefined ? [] : [`≥ ${least}${unit}`]),
      ...(bounded === undefined ? [] : [`≤ ${bounded}${unit}`]),
    ];
  };
  return [
    ...range(schema.minimum, schema.maximum, ""),
    ...range(schema.minLength || undefined, schema.maxLength, " characters"),
    ...range(schema.minItems, schema.maxItems, " items"),
    ...(schema.default === undefined ? [] : [`default ${JSON.stringify(schema.default)}`]),
  ].join(", ");
}
