/** Examples of the documentation page, held against the document that they are made from. */
import { describe, expect, it } from "vitest";
import { api } from "../../src/app.ts";
import { curlOf, exampleOf } from "../../src/pages/docs/example.ts";
import { type Document, routesOf, type Schema } from "../../src/pages/docs/document.ts";
import { limitsOf, typeOf } from "../../src/pages/docs/words.ts";
import { openApiDocument } from "../../src/http/openapi.ts";

const document = JSON.parse(JSON.stringify(openApiDocument(api.registry))) as Document;
const origin = "http://127.0.0.1:8787";
const commandOf = (operationId: string, accept?: string) => {
  const route = routesOf(document).find(({ operation }) => operation.operationId === operationId);
  if (!route) throw new Error(`no ${operationId}`);
  return curlOf(document, route, origin, accept);
};

describe("The command of an operation", () => {
  it("has its credentials, and a body with what is required and nothing else", () => {
    expect(commandOf("post_conversation")).toBe(`curl -X POST "${origin}/v1/conversation" \\
  -H "X-API-Key: $API_KEY" \\
  -H "X-API-Secret: $API_SECRET" \\
  -H "Content-Type: application/json" \\
  -d '{"agent_id":"019ab2f4-6f1e-7c3a-9d3e-0a8d1c2b3a4f"}'`);
  });

  it("is the simplest of several kinds of body", () => {
    expect(commandOf("post_conversation_by_id_chat")).toContain(`-d '{"message":"…"}'`);
  });

  it("asks for a stream where one is wanted, and for no credential where none is needed", () => {
    expect(commandOf("post_conversation_by_id_chat", "text/event-stream")).toContain(
      '-N -H "Accept: text/event-stream"',
    );
    expect(commandOf("get_health")).toBe(`curl "${origin}/v1/health"`);
  });

  it("is there for every operation, with no parameter left open", () => {
    for (const route of routesOf(document)) expect(curlOf(document, route, origin)).not.toMatch(/[{]\w+[}]/);
  });
});

describe("An example", () => {
  it("has every member of an answer", () => {
    const conversation = document.components.schemas?.["Conversation"] as Schema;
    const example = exampleOf(document, conversation, true) as object;
    expect(Object.keys(example)).toEqual(Object.keys(conversation.properties ?? {}));
  });

  it("ends where schemas contain themselves", () => {
    const tree: Schema = { type: "object", required: ["children"], properties: { children: { type: "array" } } };
    tree.properties = { children: { type: "array", items: { $ref: "#/components/schemas/Tree" } } };
    const recursive = { ...document, components: { schemas: { Tree: tree } } };
    expect(JSON.stringify(exampleOf(recursive, tree, true)).length).toBeLessThan(200);
  });
});

describe("A schema in words", () => {
  it.each<[Schema, string, string]>([
    [{ type: "string", format: "uuid" }, "string (uuid)", ""],
    [{ type: ["string", "null"], maxLength: 5 }, "string or null", "≤ 5 characters"],
    [{ type: "array", items: { $ref: "#/components/schemas/Message" }, minItems: 1 }, "array of Message", "≥ 1 items"],
    [{ type: "integer", minimum: 1, maximum: 100, default: 20 }, "integer", "1–100, default 20"],
    [{ type: "integer", minimum: -9007199254740991, maximum: 9007199254740991 }, "integer", ""],
    [{ enum: ["a", "b"] }, '"a" · "b"', ""],
    [{ anyOf: [{ $ref: "#/components/schemas/Usage" }, { type: "null" }] }, "Usage or null", ""],
  ])("%j", (schema, type, limits) => {
    expect([typeOf(schema), limitsOf(schema)]).toEqual([type, limits]);
  });
});
