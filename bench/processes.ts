/** The processes beside the server: the model's and the load generator's, so that neither shares an event loop. */
import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Done, Sample, Send, Task } from "./load.ts";

const file = (name: string) => fileURLToPath(new URL(name, import.meta.url).href);

/** Starts the model server. */
export async function startUpstream(): Promise<{ base_url: string; stop: () => void }> {
  const child = fork(file("upstream.ts"));
  const port = await new Promise<number>((resolve, reject) => {
    child.once("message", (value) => resolve(Number(value)));
    child.once("exit", () => reject(new Error("the model server did not start")));
  });
  return { base_url: `http://127.0.0.1:${port}/v1`, stop: () => child.kill() };
}

/** The load generator, asked over IPC. */
export class Load {
  readonly #child: ChildProcess = fork(file("load.ts"));
  readonly #waiting = new Map<number, { resolve: (done: Done) => void; reject: (error: Error) => void }>();
  #next = 0;

  constructor() {
    this.#child.on("message", (done: Done) => {
      this.#waiting.get(done.id)?.resolve(done);
      this.#waiting.delete(done.id);
    });
    this.#child.once("exit", () => {
      for (const { reject } of this.#waiting.values()) reject(new Error("the load generator has ended"));
    });
  }

  /** All lanes side by side, each one's requests in order. Every answer must be a success. */
  async lanes(lanes: Send[][]): Promise<Done> {
    const task: Task = { id: this.#next++, lanes };
    const done = await new Promise<Done>((resolve, reject) => {
      this.#waiting.set(task.id, { resolve, reject });
      this.#child.send(task);
    });
    const bad = done.lanes.flat().find((sample) => sample.status >= 400);
    if (bad) throw new Error(`a request was answered with ${bad.status}: ${bad.body}`);
    return done;
  }

  /** One after another. */
  async run(requests: Send[]): Promise<Sample[]> {
    return (await this.lanes([requests])).lanes[0] ?? [];
  }

  /** One request whose JSON answer is wanted. */
  async json<T>(request: Send): Promise<T> {
    const [sample] = await this.run([{ ...request, keep: true }]);
    return JSON.parse(sample?.body ?? "null") as T;
  }

  stop(): void {
    this.#child.kill();
  }
}
