/** A schema as a list of members. What another schema is made of is shown when it is opened, so that cycles end. */
import { type Document, nameOf, resolve, type Schema } from "./document.ts";
import { h, inline } from "./element.ts";
import { limitsOf, typeOf } from "./words.ts";

export const schemaId = (name: string) => `schema-${name}`;

/** The schemas with members that a value is made of: of an array its items, of a choice each of the choices. */
function insides(document: Document, schema: Schema): Schema[] {
  if (schema.items) return insides(document, schema.items);
  const variants = schema.oneOf ?? schema.anyOf ?? schema.allOf;
  if (variants) return variants.flatMap((one) => insides(document, one));
  const { properties, items, oneOf, anyOf, allOf } = resolve(document, schema);
  return (properties ?? items ?? oneOf ?? anyOf ?? allOf) ? [schema] : [];
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
    insides(document, schema).map((inside) => opener(document, inside, side)),
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
