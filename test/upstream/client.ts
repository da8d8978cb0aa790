/**
 * The upstream as a test uses it, in Node and in workerd alike (fetch only). Name models after the test that uses them:
 * the server is shared. Nothing here polls: whatever waits is answered by the server when it has happened.
 */
import type { Scripts, Step } from "./script.ts";
import type { RequestState, SeenRequest } from "./state.ts";

export { calling, complete, type Step } from "./script.ts";
export type { SeenRequest } from "./state.ts";

export type UpstreamClient = ReturnType<typeof upstream>;

/** `base`: the server's address without a trailing slash. */
export function upstream(base: string) {
  async function call(method: string, path: string, body?: unknown): Promise<any> {
    const response = await fetch(base + path, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`upstream: ${method} ${path} did not come true: ${response.status} ${text}`);
    return text === "" ? undefined : JSON.parse(text);
  }
  const of = (name: string) => encodeURIComponent(name);
  const requests = (model: string, wait: { count?: number; state?: RequestState } = {}): Promise<SeenRequest[]> => {
    const query = Object.entries(wait).map(([key, value]) => `&${key}=${value}`);
    return call("GET", `/requests?model=${of(model)}${query.join("")}`);
  };

  return {
    /** `base_url` for an openai-compatible provider. */
    baseUrl: `${base}/v1`,

    /** Makes `model` follow one script, or one after another (the last repeats). Without any: the default again. */
    async script(model: string, ...scripts: Step[][]): Promise<void> {
      const body: Scripts = { scripts: scripts.map((steps) => ({ steps })) };
      await (scripts.length === 0
        ? call("DELETE", `/scripts/${of(model)}`)
        : call("PUT", `/scripts/${of(model)}`, body));
    },

    /** Requests for `model` so far, oldest first, as they arrived. */
    requests: (model: string) => requests(model),

    /** The requests for `model`, as soon as there are `count`. */
    waitForRequest: (model: string, count = 1) => requests(model, { count }),

    /** The requests for `model` whose answer went out to its end, as soon as there are `count`. */
    waitForAnswer: (model: string, count = 1) => requests(model, { count, state: "answered" }),

    /** The requests for `model` that the client broke off, as soon as there are `count`. */
    waitForAbort: (model: string, count = 1) => requests(model, { count, state: "aborted" }),

    forget: (model: string): Promise<void> => call("DELETE", `/requests?model=${of(model)}`),

    /** Lets every `gate` step of that name go on, also those that are reached later. */
    openGate: (name: string): Promise<void> => call("POST", `/gates/${of(name)}/open`),

    /** Makes `gate` steps of that name wait again. */
    closeGate: (name: string): Promise<void> => call("DELETE", `/gates/${of(name)}`),

    /** Resolves as soon as `count` requests wait at the gate. */
    async waitAtGate(name: string, count = 1): Promise<void> {
      await call("GET", `/gates/${of(name)}/waiting?count=${count}`);
    },

    /** The address of a tool. Under the name `tools/<name>` it takes scripts and shows its requests like a model. */
    toolUrl: (name: string) => `${base}/tools/${name}`,

    /** Stores a JSON document and gives its address. `script("documents/<name>", …)` makes it misbehave. */
    async document(name: string, value: unknown): Promise<string> {
      await call("PUT", `/documents/${name}`, value);
      return `${base}/documents/${name}`;
    },
  };
}
