/** Holds requests and answers of the service against its OpenAPI document: exactly what a validating proxy does between the two. */
import { dereference, type OutputUnit, type Schema, validate } from "@cfworker/json-schema";
import { strict } from "./strict.ts";

export type Exchange = {
  method: string;
  /** The path with its query, from the root of the service. */
  path: string;
  /** What was sent as JSON; undefined where nothing was, or where it was no JSON. */
  sent?: unknown;
  status: number;
  headers: Headers;
  /** Parsed where it is JSON, otherwise the text; undefined where it was not read. */
  body: unknown;
};

type Content = Record<string, { schema?: Schema }>;
type Answer = { description?: string; headers?: Record<string, unknown>; content?: Content };
type Operation = { requestBody?: { content: Content }; responses: Record<string, Answer> };
type Document = {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema> };
};

/** Headers of HTTP, of CORS and of the platform, which are the same for all operations. */
const GENERAL =
  /^(access-control-.*|cache-control|connection|content-(encoding|length|type)|date|keep-alive|strict-transport-security|transfer-encoding|vary|x-accel-buffering|x-content-type-options)$/;

/** Of bodies that are read to their end before anything is said about them. */
const isJson = (type: string) => /[/+]json$/.test(type);

export class Answers {
  readonly #document: Document;
  readonly #lookup: Record<string, Schema | boolean>;
  /** The most specific first, as a server has to match them. */
  readonly #paths: { pattern: RegExp; operations: Record<string, Operation> }[];

  constructor(document: object) {
    this.#document = strict(document) as Document;
    this.#lookup = dereference(this.#document as Schema);
    this.#paths = Object.entries(this.#document.paths)
      .toSorted(([a], [b]) => a.split("{").length - b.split("{").length)
      .map(([path, operations]) => ({
        pattern: new RegExp(`^(?:/api)?/v1${path.replaceAll(".", "\\.").replaceAll(/\{\w+\}/g, "[^/]+")}$`),
        operations,
      }));
  }

  /** What the document does not say of this exchange; nothing, where all of it is documented. */
  differences({ method, path, sent, status, headers, body }: Exchange): string[] {
    const { pathname } = new URL(path, "http://service");
    const verb = method.toLowerCase() === "head" ? "get" : method.toLowerCase();
    if (!/^(\/api)?\/v1\//.test(pathname) || pathname.endsWith("/openapi.json") || verb === "options") return [];
    const operation = this.#paths.find(({ pattern }) => pattern.test(pathname))?.operations[verb];
    const type = (headers.get("content-type") ?? "").split(";")[0] ?? "";
    if (!operation) return this.#undocumented(status, type, body);
    const answer = operation.responses[status];
    if (!answer) return [`the status ${status} is not documented: ${JSON.stringify(body)}`];
    const missing = [...headers.keys()].filter(
      (name) => !GENERAL.test(name) && !Object.keys(answer.headers ?? {}).some((one) => one.toLowerCase() === name),
    );
    const hasAddress = headers.has("location") || !("Location" in (answer.headers ?? {}));
    const wrongRequest = status < 300 && sent !== undefined ? this.#wrongRequest(operation, sent) : [];
    return [
      ...missing.map((name) => `the header ${name} is not documented for ${status}`),
      ...(status < 300 && !hasAddress ? ["the header Location is documented, and not there"] : []),
      ...wrongRequest,
      ...this.#wrongBody(answer, type, method === "HEAD" ? undefined : body),
    ];
  }

  /** A path or a method that does not exist: a redirect to the plain path, or a problem. */
  #undocumented(status: number, type: string, body: unknown): string[] {
    if (status === 308) return [];
    if (status < 400) return [`the operation is not documented, but answers ${status}`];
    const schema = this.#document.components.schemas["Problem"];
    if (type !== "application/problem+json") return [`${status} is ${type}, not a problem document`];
    return schema ? this.#wrong(schema, body, "the problem") : ["there is no schema of problems"];
  }

  #wrongRequest({ requestBody }: Operation, sent: unknown): string[] {
    const schema = requestBody?.content["application/json"]?.schema;
    return schema ? this.#wrong(schema, JSON.parse(JSON.stringify(sent)), "the body that was accepted") : [];
  }

  #wrongBody({ content = {}, description = "" }: Answer, type: string, body: unknown): string[] {
    if (body === undefined) return [];
    const types = Object.keys(content);
    if (types.length === 0) return body === "" ? [] : ["there is a body, and none is documented"];
    const media = content[type];
    if (!media) return [`the media type "${type}" is not documented, only ${types.join(", ")}`];
    const { code } = Object(body) as { code?: unknown };
    // What a problem's status can mean here is listed in its description.
    if (type === "application/problem+json" && !description.includes(`\`${String(code)}\``))
      return [`the problem ${String(code)} is not documented, only ${description}`];
    return media.schema && isJson(type) ? this.#wrong(media.schema, body, "the body") : [];
  }

  #wrong(schema: Schema, value: unknown, what: string): string[] {
    const { valid, errors } = validate(value, schema, "2020-12", this.#lookup, false);
    return valid ? [] : [`${what} does not fit its schema: ${deepest(errors)}`];
  }
}

/** The errors that say most: those that are furthest down in the value. */
function deepest(errors: OutputUnit[]): string {
  const depth = ({ instanceLocation }: OutputUnit) => instanceLocation.split("/").length;
  const most = Math.max(...errors.map(depth));
  const said = errors.filter((one) => depth(one) === most).map((one) => `${one.instanceLocation}: ${one.error}`);
  return said.slice(-5).join(" ");
}
