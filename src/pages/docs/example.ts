/** The request that an operation is shown with: its first example of a body, and placeholders for what only the reader knows. */

type Parameter = { name: string; in: string; required?: boolean };
type Operation = {
  parameters?: Parameter[];
  security?: Record<string, unknown>[];
  requestBody?: { content: Record<string, { examples?: Record<string, { value: unknown }> }> };
};
export type Document = { paths: Record<string, Record<string, Operation>> };

/** As the snippets of Swagger UI take it. */
export type SnippetRequest = { url: string; method: string; headers: Record<string, string>; body?: string };

export function exampleRequest(document: Document, method: string, path: string): SnippetRequest {
  const { parameters = [], security = [], requestBody } = document.paths[path]?.[method] ?? {};
  const query = parameters.filter((one) => one.in === "query" && one.required).map(({ name }) => `${name}=…`);
  const schemes = security.flatMap((one) => Object.keys(one));
  const [example] = Object.values(requestBody?.content["application/json"]?.examples ?? {});
  return {
    url: `${location.origin}/v1${path}${query.length > 0 ? `?${query.join("&")}` : ""}`,
    method: method.toUpperCase(),
    headers: {
      ...(schemes.includes("apiKey")
        ? { "X-API-Key": "ak_…", "X-API-Secret": "as_…" }
        : schemes.includes("bearer")
          ? { Authorization: "Bearer …" }
          : {}),
      ...(example ? { "Content-Type": "application/json" } : {}),
    },
    ...(example ? { body: JSON.stringify(example.value, null, 2) } : {}),
  };
}
