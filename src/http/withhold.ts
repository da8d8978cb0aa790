/**
 * What a credential that may write but not read is shown of an object that it changes: ids, states and times, and of what was
 * written only what the same request wrote. It could otherwise read everything by changing nothing.
 */
import { parseExactly } from "./exact-number.ts";

/** Members that hold what somebody wrote, by the name under which the object is wrapped, and what is shown instead. */
const WITHHELD: Record<string, Record<string, unknown>> = {
  conversation: { title: "", metadata: {} },
  message: { content: "", metadata: {}, tool_calls: [], feedback: null },
  lead: { external_id: null, first_name: null, last_name: null, email: null, phone: null, source: null },
  agent: {
    ...{ name: "", description: "", instructions: "", greeting: "", knowledge: [] },
    ...{ stop: [], allowed_origins: [], tools: [], metadata: {} },
  },
};

/** The response with such members blank, unless they equal those of the request's own `body`. */
export async function withhold(response: Response, body: unknown): Promise<Response> {
  const isJson = response.ok && response.headers.get("content-type")?.startsWith("application/json");
  if (!isJson) return response;
  const sent = Object(body) as Record<string, unknown>;
  const text = await response.text();
  const document = parseExactly(text);
  let isCut = false;
  for (const [name, blanks] of Object.entries(WITHHELD)) {
    const object = (document as Record<string, Record<string, unknown> | undefined>)[name];
    for (const member of Object.keys(blanks)) {
      if (!object || !(member in object) || isSame(object[member], sent[member])) continue;
      object[member] = blanks[member];
      isCut = true;
    }
  }
  return new Response(isCut ? JSON.stringify(document) : text, response);
}

const isSame = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);
