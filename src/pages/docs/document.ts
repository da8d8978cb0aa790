/** The part of an OpenAPI 3.1 document that this page shows. */

export type Schema = {
  $ref?: string;
  type?: string | string[];
  format?: string;
  title?: string;
  description?: string;
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: boolean | Schema;
  items?: Schema;
  enum?: unknown[];
  const?: unknown;
  default?: unknown;
  example?: unknown;
  oneOf?: Schema[];
  anyOf?: Schema[];
  allOf?: Schema[];
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
  minimum?: number;
  maximum?: number;
};

export type Parameter = { name: string; in: string; required?: boolean; description?: string; schema?: Schema };

export type Content = Record<string, { schema?: Schema }>;

export type Operation = {
  operationId: string;
  summary?: string;
  description?: string;
  tags?: string[];
  security?: Record<string, string[]>[];
  parameters?: Parameter[];
  requestBody?: { required?: boolean; content: Content };
  responses: Record<string, { description?: string; content?: Content; headers?: Record<string, unknown> }>;
  "x-scope"?: string;
  "x-audience"?: string;
};

export type Document = {
  info: { title: string; version: string; description?: string };
  servers?: { url: string }[];
  tags?: { name: string; description?: string }[];
  paths: Record<string, Record<string, Operation>>;
  components: { schemas?: Record<string, Schema>; headers?: Record<string, { description?: string }> };
};

/** One operation with where it is. */
export type Route = { method: string; path: string; operation: Operation };

export const routesOf = (document: Document): Route[] =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method, path, operation })),
  );

/** `Conversation` for `#/components/schemas/Conversation`. */
export const nameOf = (ref: string): string => ref.slice(ref.lastIndexOf("/") + 1);

/** The schema itself where `schema` only refers to one. */
export function resolve(document: Document, schema: Schema): Schema {
  return schema.$ref === undefined ? schema : (document.components.schemas?.[nameOf(schema.$ref)] ?? {});
}
