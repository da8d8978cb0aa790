/** A schema as a list of members. What another schema is made of is shown when it is opened, so that cycles end. */
import { type Document, nameOf, resolve, type Schema } from "./document.ts";
import { h, inline } from "./element.ts";

export const schemaId = (name: string) => `schema-${name}`;

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

/** The schema that a member's value has inside: of an array, its items; of a choice, the first that has members. */
function inner(schema: Schema): Schema {
  if (schema.items) return inner(schema.items);
  const variants = schema.oneOf ?? schema.anyOf ?? schema.allOf;
  return variants?.find((one) => one.$ref !== undefined || one.properties || one.items) ?? schema;
}

/** What is worth saying of a member: in a request that it is required, in an answer that it may be missing. */
export type Side = "request" | "answer";

const noteOf = (required: boolean, side: Side) => {
  if (side === "request") return required && h("span.required", {}, "required");
  return !required && h("span.type", {}, "not always there");
};

/** One row: name, type, limits, description; what it is made of below, on demand. */
export function memberRow(
  document: Document,
  name: string,
  schema: Schema,
  required: boolean,
  side: Side,
): HTMLElement {
  const inside = inner(schema);
  const limits = limitsOf(schema);
  const description = schema.description ?? "";
  return h(
    "li",
    {},
    h("code.member", {}, name),
    h("span.type", {}, typeOf(schema)),
    noteOf(required, side),
    limits !== "" && h("span.limits", {}, limits),
    description !== "" && h("div.about", {}, ...inline(description)),
    resolve(document, inside).properties !== undefined && opener(document, inside, side),
  );
}

function opener(document: Document, schema: Schema, side: Side): HTMLElement {
  const label = schema.$ref === undefined ? "members" : nameOf(schema.$ref);
  const details = h("details.inside", {}, h("summary", {}, `Show ${label}`));
  details.addEventListener("toggle", () => details.append(members(document, schema, side)), { once: true });
  return details;
}

/** All members of an object, or the one line that any other schema is. */
export function members(document: Document, schema: Schema, side: Side): HTMLElement {
  const found = resolve(document, schema);
  const required = new Set(found.required);
  const entries = Object.entries(found.properties ?? {});
  if (entries.length === 0) {
    return h("ul.members", {}, memberRow(document, typeOf(found) === "object" ? "{ }" : "value", found, true, side));
  }
  return h("ul.members", {}, ...entries.map(([name, one]) => memberRow(document, name, one, required.has(name), side)));
}

/** Link to a schema's own section, or its phrase where it has no name. */
export const schemaLink = (schema: Schema): HTMLElement => {
  const target = schema.$ref ?? schema.items?.$ref;
  return target === undefined
    ? h("span.type", {}, typeOf(schema))
    : h("a.type", { href: `#${schemaId(nameOf(target))}` }, typeOf(schema));
};
