import { describe, expect, it } from "vitest";
import type { Json, JsonObject } from "../../src/json.ts";
import { schemaProblem } from "../../src/models/json-schema.ts";
import { mismatch } from "../../src/models/schema-check.ts";

const nested = (depth: number): Json => (depth === 0 ? {} : { type: "object", properties: { a: nested(depth - 1) } });

describe("a tool's parameters", () => {
  it.each<[string, Json]>([
    ["nothing but an object", { type: "object" }],
    [
      "what real tools have",
      {
        $schema: "https://json-schema.org/draft/2020-12/schema",
        type: "object",
        properties: {
          order: { type: "string", description: "Its number.", pattern: "^\\d+$" },
          lines: { type: "array", items: { $ref: "#/$defs/line" }, minItems: 1 },
          when: { anyOf: [{ type: "string", format: "date" }, { type: "null" }] },
          either: { type: ["integer", "null"] },
        },
        required: ["order"],
        additionalProperties: false,
        $defs: { line: { type: "object", properties: { type: { const: "line" }, required: true } } },
      },
    ],
    [
      "what contains more of the same",
      {
        type: "object",
        properties: { "a/b c": { items: { $ref: "#" } }, same: { $ref: "#/properties/a~1b%20c" } },
        $defs: { list: { prefixItems: [{ $ref: "#/$defs/list" }] }, last: { $ref: "#/$defs/list/prefixItems/0" } },
      },
    ],
    ["patterns of another mode", { type: "object", properties: { a: { pattern: "[\\w-.]" } } }],
    ["tuples of an older draft", { type: "object", properties: { at: { type: "array", items: [{}, true] } } }],
  ])("are %s", (_, schema) => {
    expect(schemaProblem(schema)).toBeNull();
  });

  it.each<[string, Json, (string | number)[]]>([
    ["a list", [], ["type"]],
    ["a schema of something else", { type: "string" }, ["type"]],
    ["a list of types", { type: ["object"] }, ["type"]],
    ["an unknown type", { type: "object", properties: { a: { type: "text" } } }, ["properties", "a", "type"]],
    ["a member that is no schema", { type: "object", properties: { a: "string" } }, ["properties", "a"]],
    ["a list of members", { type: "object", properties: [] }, ["properties"]],
    [
      "required that is no list",
      { type: "object", properties: { a: { required: true } } },
      ["properties", "a", "required"],
    ],
    ["an empty choice", { type: "object", properties: { a: { enum: [] } } }, ["properties", "a", "enum"]],
    ["a choice of nothing", { type: "object", anyOf: [] }, ["anyOf"]],
    ["a wrong schema among several", { type: "object", allOf: [{}, 1] }, ["allOf", 1]],
    [
      "a reference to elsewhere",
      { type: "object", properties: { a: { $ref: "https://x.example/s" } } },
      ["properties", "a", "$ref"],
    ],
    [
      "a reference to nothing",
      { type: "object", properties: { a: { $ref: "#/$defs/no" } } },
      ["properties", "a", "$ref"],
    ],
    [
      "a reference to what is no schema",
      { type: "object", properties: { a: { $ref: "#/x/y" } }, x: { y: {} } },
      ["properties", "a", "$ref"],
    ],
    ["an anchor", { type: "object", allOf: [{ $ref: "#a" }], $defs: { b: { $anchor: "a" } } }, ["allOf", 0, "$ref"]],
    ["itself", { type: "object", $ref: "#" }, ["$ref"]],
    [
      "itself among others",
      { type: "object", allOf: [{ anyOf: [{}, { $ref: "#" }] }] },
      ["allOf", 0, "anyOf", 1, "$ref"],
    ],
    [
      "two that lead to each other",
      { type: "object", $defs: { a: { $ref: "#/$defs/b" }, b: { not: { $ref: "#/$defs/a" } } } },
      ["$defs", "a", "$ref"],
    ],
    [
      "a bound that is no number",
      { type: "object", properties: { a: { minimum: true } } },
      ["properties", "a", "minimum"],
    ],
    ["a count below 0", { type: "object", minProperties: -1 }, ["minProperties"]],
    ["a broken pattern", { type: "object", properties: { a: { pattern: "(" } } }, ["properties", "a", "pattern"]],
    ["names of a broken pattern", { type: "object", patternProperties: { "[": {} } }, ["patternProperties"]],
  ])("are not %s", (_, schema, path) => {
    expect(schemaProblem(schema)?.path).toEqual(path);
  });

  it("may be nested, but not without end", () => {
    expect(schemaProblem(nested(30))).toBeNull();
    expect(schemaProblem(nested(40))?.message).toContain("32");
  });
});

const SLOW = { a: { pattern: "^(a+)+$" } };

describe("arguments", () => {
  const schema: Json = {
    type: "object",
    properties: {
      city: { type: "string" },
      unit: { enum: ["c", "f"] },
      days: { type: "integer" },
      at: { type: "object", properties: { lat: { type: "number" } }, required: ["lat"] },
      tags: { type: "array", items: { type: "string" } },
      exact: { const: { a: [1, 2], b: null } },
      any: {},
    },
    required: ["city"],
    additionalProperties: false,
  };

  it.each<[Json]>([
    [{ city: "Oslo" }],
    [{ city: "", unit: "f", days: 3, at: { lat: 59.9, lon: 10 }, tags: ["a"], any: { x: [null] } }],
    [{ city: "Oslo", exact: { b: null, a: [1, 2] } }],
  ])("fit: %j", (value) => {
    expect(mismatch(schema, value)).toBeNull();
  });

  it.each<[Json, string]>([
    [{}, ""],
    [[], ""],
    [{ city: null }, "city"],
    [{ city: "Oslo", unit: "k" }, "unit"],
    [{ city: "Oslo", days: 1.5 }, "days"],
    [{ city: "Oslo", at: {} }, "at"],
    [{ city: "Oslo", at: [] }, "at"],
    [{ city: "Oslo", tags: ["a", 1] }, "tags.1"],
    [{ city: "Oslo", exact: { a: [2, 1], b: null } }, "exact"],
    [{ city: "Oslo", other: 1 }, ""],
    [JSON.parse('{"city":"Oslo","__proto__":1}'), ""],
    [{ city: "Oslo", toString: "x" }, ""],
  ])("do not fit: %j", (value, path) => {
    expect(mismatch(schema, value)?.path.join(".")).toBe(path);
  });

  it.each<[string, JsonObject, Json]>([
    ["a reference that leads nowhere", { properties: { a: { $ref: "#/$defs/a" } } }, { a: 1 }],
    ["a reference without end", { $ref: "#" }, {}],
    ["a format", { properties: { a: { format: "date" } } }, { a: "x" }],
    ["a pattern that is no pattern", { properties: { a: { pattern: "(" } } }, { a: "x" }],
    ["a pattern that may take for ever", { properties: { a: { pattern: "^(a+)+$" } } }, { a: `${"a".repeat(5000)}!` }],
    [
      "one whose parts may all be left out",
      { properties: { a: { pattern: `^${"a?".repeat(30)}b` } } },
      { a: "a".repeat(30) },
    ],
    ["one of many lengths", { properties: { a: { pattern: `^${"a{0,9}".repeat(12)}b` } } }, { a: "a".repeat(100) }],
    ["one that is repeated too often", { properties: { a: { pattern: "^a{60000}a{60000}" } } }, { a: "a" }],
    ["members by such a pattern", { patternProperties: { "(a|b)+": {} }, additionalProperties: false }, { x: 1 }],
    [
      "a pattern that hides in a keyword of its own",
      { $ref: "#/x", x: { properties: SLOW } },
      { a: `${"a".repeat(5000)}!` },
    ],
    ["a pattern of what is left over", { unevaluatedProperties: SLOW.a }, { a: `${"a".repeat(5000)}!` }],
    ["a pattern of what depends", { dependencies: { a: { properties: SLOW } } }, { a: `${"a".repeat(5000)}!` }],
    ["an address that is none", { $id: "http://[", type: "object" }, {}],
    ["an address that is there twice", { $id: "x", $defs: { a: { $id: "x" } } }, {}],
    [
      "alternatives that multiply",
      {
        $defs: Object.fromEntries(
          Array.from({ length: 60 }, (__, n) => {
            const next: Json = { $ref: `#/$defs/d${(n + 1) % 60}` };
            return [`d${n}`, (n === 59 ? { type: "string" } : { allOf: [next, next] }) as Json];
          }),
        ),
        anyOf: [{ $ref: "#/$defs/d0" }, { $ref: "#/$defs/d0" }],
      },
      "x",
    ],
    [
      "members that multiply with every level of the value",
      { allOf: [{ properties: { a: { $ref: "#" } } }, { properties: { a: { $ref: "#" } } }] },
      JSON.parse(`${'{"a":'.repeat(200)}1${"}".repeat(200)}`),
    ],
    ["items that are all different", { properties: { a: { uniqueItems: true } } }, { a: Array(50_000).fill(1) }],
  ])("are not held to %s", (_, rules, value) => {
    const began = performance.now();
    expect(mismatch({ type: "object", ...rules }, value)).toBeNull();
    expect(performance.now() - began).toBeLessThan(1000);
  });

  it.each<[string, JsonObject, Json, string]>([
    ["a reference", { properties: { a: { $ref: "#/$defs/n" } }, $defs: { n: { type: "number" } } }, { a: "1" }, "a"],
    ["a simple pattern", { properties: { a: { pattern: "^[A-Z]{2}-\\d+$" } } }, { a: "no-1" }, "a"],
    ["members by a simple pattern", { patternProperties: { "^x": { type: "string" } } }, { xy: 1 }, "xy"],
    ["a condition", JSON.parse('{"if":{"required":["a"]},"then":{"required":["b"]}}'), { a: 1 }, ""],
    ["alternatives", { anyOf: [{ required: ["a"] }, { required: ["b"] }] }, {}, ""],
    ["what must not be", { not: { required: ["a"] } }, { a: 1 }, ""],
    ["a tuple", { properties: { at: { prefixItems: [{ type: "string" }] } } }, { at: [1] }, "at.0"],
    ["a length", { properties: { a: { minItems: 2 } } }, { a: [1] }, "a"],
    [
      "members of members of members",
      JSON.parse(
        '{"$defs":{"t":{"properties":{"of":{"items":{"$ref":"#/$defs/t"}},"n":{"type":"number"}}}},"$ref":"#/$defs/t"}',
      ),
      { of: [{ of: [{ n: 1 }, { n: "2" }] }] },
      "of.0.of.1.n",
    ],
    ["a slash in a name", { properties: { "a/b~c": { type: "string" } } }, { "a/b~c": 1 }, "a/b~c"],
  ])("are held to %s", (_, rules, value, path) => {
    expect(mismatch({ type: "object", ...rules }, value)?.path.join(".")).toBe(path);
  });

  it("may be nested without end", () => {
    const deep = JSON.parse(`{"a":${"[".repeat(10_000)}${"]".repeat(10_000)}}`);
    expect(mismatch({ type: "object", properties: { a: { items: { type: "string" } } } }, deep)?.path).toEqual([
      "a",
      "0",
    ]);
    expect(
      mismatch(
        { type: "object", $defs: { l: { items: { $ref: "#/$defs/l" } } }, properties: { a: { $ref: "#/$defs/l" } } },
        deep,
      ),
    ).toBeNull();
  });
});
