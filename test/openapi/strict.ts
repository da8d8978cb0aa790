/**
 * The OpenAPI document as a validator needs it, and stricter than it is written: an object has no member that the document does
 * not name. Examples are left out, because a validator would look for schemas in them.
 */

type Node = Record<string, unknown>;

const isNode = (value: unknown): value is Node => typeof value === "object" && value !== null && !Array.isArray(value);

/** What stands under a keyword: objects by names of their own, schemas of whole values by names of their own, or one such schema. */
const UNDER: Record<string, "names" | "values" | "value"> = {
  ...{ paths: "names", responses: "names", headers: "names", content: "names", schemas: "names" },
  ...{ properties: "values", schema: "value", items: "value", additionalProperties: "value" },
};
const EXAMPLES = new Set(["example", "examples"]);

/** A copy. The document itself stays as it is. */
export function strict<T extends object>(document: T): T {
  const schemas = (document as { components?: { schemas?: Node } }).components?.schemas ?? {};

  /** Whether the members of this object are listed somewhere, so that any other can be refused. */
  const listsMembers = (schema: unknown, seen: readonly unknown[] = []): boolean => {
    if (!isNode(schema) || seen.includes(schema)) return false;
    if (isNode(schema["properties"])) return true;
    const { $ref, allOf, anyOf, oneOf } = schema;
    const target = typeof $ref === "string" ? schemas[$ref.split("/").at(-1) ?? ""] : undefined;
    const inside = [target, ...[allOf, anyOf, oneOf].flatMap((list) => (Array.isArray(list) ? list : []))];
    return inside.some((one) => listsMembers(one, [...seen, schema]));
  };

  const copy = (node: unknown, place?: "names" | "values" | "value"): unknown => {
    if (Array.isArray(node)) return node.map((child) => copy(child));
    if (!isNode(node)) return node;
    if (place === "names" || place === "values") {
      const within = place === "values" ? "value" : undefined;
      return Object.fromEntries(Object.entries(node).map(([name, child]) => [name, copy(child, within)]));
    }
    const members = Object.entries(node).filter(([name]) => !EXAMPLES.has(name));
    const copied = Object.fromEntries(members.map(([name, child]) => [name, copy(child, UNDER[name])]));
    return place === "value" && listsMembers(node) ? { unevaluatedProperties: false, ...copied } : copied;
  };
  return copy(document) as T;
}
