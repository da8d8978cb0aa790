/** What the upstream remembers: scripts, gates and requests. Whoever waits is told of every change. */
import { EventEmitter } from "node:events";
import type { IncomingHttpHeaders } from "node:http";
import type { Scripts, Step } from "./script.ts";

/** `open`: being answered; `aborted`: the client went away first; `reset`: cut off by the script. */
export type RequestState = "open" | "answered" | "aborted" | "reset";

/** A request as it arrived. */
export type SeenRequest = {
  id: number;
  model: string;
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  /** Parsed, or the text itself when it is not JSON. */
  body: any;
  state: RequestState;
  aborted: boolean;
};

export class UpstreamState {
  readonly scripts = new Map<string, { steps: Step[] }[]>();
  /** Gates by name: whether each is open, and how many requests wait at it. */
  readonly gates = new Map<string, { open: boolean; waiting: number }>();
  requests: SeenRequest[] = [];
  readonly #changes = new EventEmitter().setMaxListeners(0);
  #lastId = 0;

  setScripts(name: string, scripts: Scripts): void {
    this.scripts.set(name, "scripts" in scripts ? [...scripts.scripts] : [scripts]);
  }

  /** The steps for the next request of `name`: scripts are used up in order, the last one stays. */
  nextScript(name: string): Step[] | null {
    const scripts = this.scripts.get(name);
    const next = scripts && scripts.length > 1 ? scripts.shift() : scripts?.[0];
    return next?.steps ?? null;
  }

  gate(name: string): { open: boolean; waiting: number } {
    let gate = this.gates.get(name);
    if (!gate) this.gates.set(name, (gate = { open: false, waiting: 0 }));
    return gate;
  }

  saw(request: Omit<SeenRequest, "id" | "state" | "aborted">): SeenRequest {
    const seen: SeenRequest = { id: ++this.#lastId, ...request, state: "open", aborted: false };
    this.requests.push(seen);
    this.changed();
    return seen;
  }

  changed(): void {
    this.#changes.emit("change");
  }

  /** True as soon as `condition` holds; false when `signal` aborts first. */
  async until(condition: () => boolean, signal: AbortSignal): Promise<boolean> {
    while (!condition()) {
      if (signal.aborted) return false;
      await new Promise<void>((resolve) => {
        const wake = () => {
          this.#changes.off("change", wake);
          signal.removeEventListener("abort", wake);
          resolve();
        };
        this.#changes.on("change", wake);
        signal.addEventListener("abort", wake);
      });
    }
    return true;
  }
}
