/**
 * The load generator: a process of its own that sends requests over kept connections and says how long each took. One
 * message in is a list of lanes, each a list of requests sent one after another; lanes go side by side.
 */
import { Agent, request as send } from "node:http";

export type Send = {
  method: "GET" | "POST" | "PATCH" | "DELETE";
  url: string;
  headers?: Record<string, string>;
  body?: string;
  /** The moment at which this text first appears in the answer is noted as `first`. */
  until?: string;
  /** Hand the body back. */
  keep?: boolean;
};

/** Milliseconds from sending to the end of the answer, and to the text that was waited for. */
export type Sample = { status: number; ms: number; first: number | null; body: string | null };
export type Task = { id: number; lanes: Send[][] };
export type Done = { id: number; ms: number; lanes: Sample[][] };

const agent = new Agent({ keepAlive: true, maxSockets: 256 });

function once({ method, url, headers, body, until, keep }: Send): Promise<Sample> {
  return new Promise((resolve, reject) => {
    const start = performance.now();
    let first: number | null = null;
    const sent =
      body === undefined ? {} : { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
    const request = send(url, { method, agent, headers: { ...sent, ...headers } }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (part: string) => {
        if (until === undefined && !keep) return;
        text += part;
        if (until !== undefined && first === null && text.includes(until)) first = performance.now() - start;
      });
      response.on("end", () => {
        const status = response.statusCode ?? 0;
        const ms = performance.now() - start;
        resolve({ status, ms, first, body: keep || status >= 400 ? text : null });
      });
      response.on("error", reject);
    });
    request.on("error", reject);
    request.end(body);
  });
}

async function lane(requests: Send[]): Promise<Sample[]> {
  const samples: Sample[] = [];
  for (const request of requests) samples.push(await once(request));
  return samples;
}

process.on("message", ({ id, lanes }: Task) => {
  const start = performance.now();
  Promise.all(lanes.map(lane)).then(
    (done) => process.send?.({ id, ms: performance.now() - start, lanes: done } satisfies Done),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
