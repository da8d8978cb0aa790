/** JSON as the language defines it, also where a page gave every array or object a `toJSON` (Prototype.js did). */
export const toJson = (value: unknown): string => JSON.stringify(withoutToJson(value));

function withoutToJson(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return Object.assign(value.map(withoutToJson), { toJSON: undefined });
  const members = Object.entries(value).map(([name, member]) => [name, withoutToJson(member)]);
  return { ...Object.fromEntries(members), toJSON: undefined };
}
