/** Follows the conversation's events, through breaks and pauses, from exactly where it was. */
import { RequestFailed } from "./request.ts";
import type { ServerEvent } from "./sse.ts";

export type FollowerPorts = {
  /** Follows the stream behind event `last` ("": from now on) to its end. */
  follow: (last: string, signal: AbortSignal, hear: (event: ServerEvent) => void) => Promise<unknown>;
  hear: (event: ServerEvent) => void;
  /** Called when the stream breaks and when it is back. */
  connected: (isConnected: boolean) => void;
  /** There is nothing to follow any more. */
  gone: () => void;
};

/** Milliseconds before the next try: soon, then less and less often. */
const pauseAfter = (failures: number): number => Math.min(30_000, 500 * 2 ** failures) * (0.75 + Math.random() / 2);

export class Follower {
  readonly #ports: FollowerPorts;
  #last = "";
  #running: AbortController | null = null;
  #wake: (() => void) | null = null;

  constructor(ports: FollowerPorts) {
    this.#ports = ports;
  }

  resume(): void {
    if (this.#running) return;
    this.#running = new AbortController();
    void this.#run(this.#running.signal);
  }

  pause(): void {
    this.#running?.abort();
    this.#running = null;
    this.#wake?.();
  }

  async #run(signal: AbortSignal): Promise<void> {
    for (let failures = 0; !signal.aborted; failures++) {
      try {
        await this.#ports.follow(this.#last, signal, (event) => {
          if (signal.aborted) return;
          if (failures > 0) this.#ports.connected(true);
          failures = 0;
          if (event.id !== "") this.#last = event.id;
          this.#ports.hear(event);
        });
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof RequestFailed && error.status >= 400 && error.status < 429) return this.#ports.gone();
      }
      if (signal.aborted) return;
      if (failures > 0) this.#ports.connected(false);
      await this.#rest(pauseAfter(failures));
    }
  }

  #rest(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
