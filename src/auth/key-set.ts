/**
 * The keys of one identity provider as this isolate knows them. There is one fetch at a time; keys are fresh for ten
 * minutes; a fetch that failed is not tried again for 30 seconds, and the last known keys go on, for a day at most.
 */
import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from "jose";

/** Milliseconds. */
const FRESH = 10 * 60_000;
/** Between two looks for a key that was not there. */
const COOLING = 10_000;
const FAILED = 30_000;
const LAST_KNOWN = 24 * 60 * 60_000;
/** A fetch takes at most five seconds; whoever waits longer waits for a request that died. */
const PATIENCE = 6_000;

/** A key set and when it was fetched (ms). */
export type Published = { keys: JSONWebKeySet; at: number };
export type Known = Published & { select: JWTVerifyGetKey };

/** What a request lends to a fetch that it begins. */
export type FetchPorts = {
  /** Lets the fetch end although its request does. */
  keepAlive(work: Promise<unknown>): void;
  fetched(published: Published): Promise<unknown>;
  failed(error: unknown): void;
};

export class KeySet {
  readonly #fetch: () => Promise<JSONWebKeySet>;
  readonly #clock: () => number;
  #known: Known | null = null;
  #failedAt = Number.NEGATIVE_INFINITY;
  #pending: { work: Promise<void>; since: number } | null = null;

  constructor(fetch: () => Promise<JSONWebKeySet>, clock: () => number) {
    this.#fetch = fetch;
    this.#clock = clock;
  }

  /** Keys that another isolate fetched; the later ones count. */
  offer(stored: Published): void {
    if (stored.at > (this.#known?.at ?? Number.NEGATIVE_INFINITY)) this.#learn(stored);
  }

  /** What was fetched last, if anything was. */
  get published(): Published | null {
    return this.#known && { keys: this.#known.keys, at: this.#known.at };
  }

  /** The keys to check with, or null when there are none that may be believed. */
  async current(ports: FetchPorts): Promise<Known | null> {
    if (!this.#isWithin(FRESH)) await this.#refresh(ports);
    return this.#isWithin(LAST_KNOWN) ? this.#known : null;
  }

  /** Keys that were published after `former`; `former` itself when it was fetched a moment ago; null when they cannot be had. */
  async after(former: Known, ports: FetchPorts): Promise<Known | null> {
    if (this.#known === former && !this.#isWithin(COOLING)) await this.#refresh(ports);
    return this.#known === former && !this.#isWithin(COOLING) ? null : this.#known;
  }

  /** Seconds until the keys are asked for again. */
  get retryAfter(): number {
    return Math.max(1, Math.ceil((this.#failedAt + FAILED - this.#clock()) / 1000));
  }

  #isWithin(age: number): boolean {
    return this.#known !== null && this.#clock() - this.#known.at < age;
  }

  #learn(published: Published): void {
    this.#known = { ...published, select: selectFrom(published.keys) };
  }

  async #refresh(ports: FetchPorts): Promise<void> {
    const now = this.#clock();
    if (now - this.#failedAt < FAILED) return;
    if (!this.#pending || now - this.#pending.since > PATIENCE) {
      const pending = { work: this.#fetchOnce(ports), since: now };
      this.#pending = pending;
      const done = pending.work.finally(() => {
        if (this.#pending === pending) this.#pending = null;
      });
      ports.keepAlive(done);
    }
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, PATIENCE);
    await Promise.race([this.#pending.work, late.promise]);
    clearTimeout(timer);
  }

  /** Never rejects. */
  async #fetchOnce(ports: FetchPorts): Promise<void> {
    try {
      const published = { keys: await this.#fetch(), at: this.#clock() };
      this.#learn(published);
      this.#failedAt = Number.NEGATIVE_INFINITY;
      ports.keepAlive(ports.fetched(published));
    } catch (error) {
      this.#failedAt = this.#clock();
      ports.failed(error);
    }
  }
}

/** Keys without a name may be meant by any: a token's `kid` is a hint (RFC 7515, 4.1.4), and the signature decides. */
function selectFrom({ keys }: JSONWebKeySet): JWTVerifyGetKey {
  const named = createLocalJWKSet({ keys });
  const unnamed = createLocalJWKSet({ keys: keys.filter(({ kid }) => kid === undefined) });
  return async (header, token) => {
    try {
      return await named(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey) || header.kid === undefined) throw error;
      const { kid: _, ...rest } = header;
      return unnamed(rest, token);
    }
  };
}
