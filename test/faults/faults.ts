/** What D1 does to the batches of conversations' objects, and of the sender of webhooks, decided by the test: pass, fail, or wait. */
import type { Request, Response } from "miniflare";

/** Before D1 gets the batch, or after it has committed and before the object hears of it. */
export type Moment = "before" | "after";
type AnyMoment = Moment | `webhook_${Moment}`;
type Action = "pass" | "fail" | "hold";

const PASS: Record<AnyMoment, Action> = {
  before: "pass",
  after: "pass",
  webhook_before: "pass",
  webhook_after: "pass",
};

export class Faults {
  readonly #actions = { ...PASS };
  #held: (() => void)[] = [];
  #arrivals: { count: number; resolve: () => void }[] = [];
  /** How many batches came to each moment. */
  readonly seen: Record<AnyMoment, number> = { before: 0, after: 0, webhook_before: 0, webhook_after: 0 };

  /** From now on, at `moment`, every batch meets this action. Those that are held are let go. */
  set(moment: AnyMoment, action: Action): void {
    this.#actions[moment] = action;
    for (const release of this.#held.splice(0)) release();
  }

  /** Resolves when `count` batches are held. */
  async held(count = 1): Promise<void> {
    if (this.#held.length >= count) return;
    await new Promise<void>((resolve) => this.#arrivals.push({ count, resolve }));
  }

  /** The other side of the binding FAULTS. */
  readonly answer = async (request: Request): Promise<Response> => {
    const moment = new URL(request.url).pathname.slice(1) as AnyMoment;
    this.seen[moment]++;
    if (this.#actions[moment] === "hold") {
      const released = new Promise<void>((resolve) => this.#held.push(resolve));
      for (const { count, resolve } of this.#arrivals) if (this.#held.length >= count) resolve();
      await released;
    }
    return new globalThis.Response(null, {
      status: this.#actions[moment] === "fail" ? 500 : 204,
    }) as unknown as Response;
  };
}
