/**
 * One Durable Object per company, named by its id: what has to be known of the company while its database is away. Nothing on
 * the way of a turn that goes well asks or tells it anything, and whoever gets no answer does without.
 */
import { DurableObject } from "cloudflare:workers";
import type { Env, Lag, StandbyRpc } from "../env.ts";
import { type Ended, hasEnded, NOTHING_ENDED, withEnded } from "./ended.ts";
import { Lagging } from "./lagging.ts";

/** The key of what is stored: one value, so that noting an end is one write. */
const ENDED = "ended";

export class StandbyObject extends DurableObject<Env> implements StandbyRpc {
  readonly #lagging: Lagging;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#lagging = new Lagging(ctx.storage);
  }

  async noteLag(conversation_id: string, since: number | null): Promise<void> {
    this.#lagging.note(conversation_id, since, Date.now());
  }

  async lag(): Promise<Lag> {
    return this.#lagging.at(Date.now());
  }

  async noteEnded(names: string[]): Promise<void> {
    const ended = (await this.ctx.storage.get<Ended>(ENDED)) ?? NOTHING_ENDED;
    await this.ctx.storage.put(ENDED, withEnded(ended, names, Date.now()));
  }

  async hasEnded(names: string[], since: number): Promise<boolean> {
    return hasEnded((await this.ctx.storage.get<Ended>(ENDED)) ?? NOTHING_ENDED, names, since);
  }
}
