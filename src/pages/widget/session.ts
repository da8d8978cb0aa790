/**
 * Who the visitor is: an anonymous lead, kept for the next visit and shared with other tabs, or one whom the site vouches
 * for, kept only as long as the page lives. Nobody before the first message or the lead form.
 */
import { RequestFailed, send } from "./request.ts";
import type { Options } from "./options.ts";
import type { Store } from "./storage.ts";

/** The site's own token for this visitor, or a function that gets a fresh one. */
export type TokenSource = string | (() => string | Promise<string>);

type Known = {
  access_token: string;
  refresh_token: string;
  /** Milliseconds. */
  expires_at: number;
  conversation_id: string | null;
  /** People of the company answer the conversation, or are about to. */
  is_awaiting?: boolean;
};

type Tokens = { access_token: string; refresh_token?: string; expires_in: number };
type Registered = Tokens & { conversation: { id: string } };

const KEY = "session";
/** Milliseconds before its end at which a token is renewed. */
const EARLY = 60_000;
/** Milliseconds that a renewal may take; other tabs wait for it. */
const PATIENCE = 20_000;
/** Milliseconds until what one tab stored is there in another one. */
const ARRIVES = 250;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

export class Session {
  readonly #options: Options;
  readonly #store: Store;
  readonly #lock: string;
  #known: Known | null;
  #identity: { source: TokenSource; token: string; expires_at: number; conversation_id: string | null } | null = null;
  #renewing: Promise<string> | null = null;

  constructor(options: Options, store: Store) {
    this.#options = options;
    this.#store = store;
    this.#lock = `conversations:${options.api}:${options.agent_id}`;
    this.#known = this.#stored();
  }

  get exists(): boolean {
    return this.#identity !== null || this.#known !== null;
  }
  get isIdentified(): boolean {
    return this.#identity !== null;
  }
  get conversation_id(): string | null {
    return (this.#identity ?? this.#known)?.conversation_id ?? null;
  }

  get isAwaiting(): boolean {
    return !this.#identity && this.#known?.is_awaiting === true;
  }

  /** Remembers it for the next page, where an answer may have come. */
  setAwaiting(is_awaiting: boolean): void {
    const stored = this.#stored() ?? this.#known;
    if (this.isAwaiting === is_awaiting || this.#identity || !stored) return;
    if (stored.conversation_id === this.#known?.conversation_id) this.#save({ ...stored, is_awaiting });
  }

  /** Another tab that has gone on to another conversation takes this one along. */
  setConversation(id: string | null): void {
    if (this.#identity) {
      this.#identity.conversation_id = id;
      return;
    }
    const stored = this.#stored();
    if (stored && stored.conversation_id !== this.#known?.conversation_id) this.#known = stored;
    else if (this.#known) this.#save({ ...(stored ?? this.#known), conversation_id: id });
  }

  /** A good access token. Throws RequestFailed("unauthorized") when there is nobody. */
  async token(): Promise<string> {
    const now = Date.now();
    if (this.#identity)
      return this.#identity.expires_at - EARLY > now ? this.#identity.token : this.renew(this.#identity.token);
    if (!this.#known) throw new RequestFailed("unauthorized", 401);
    return this.#known.expires_at - EARLY > now ? this.#known.access_token : this.renew(this.#known.access_token);
  }

  /** Another token than `old`, which was refused or is about to end. */
  renew(old: string): Promise<string> {
    this.#renewing ??= this.#renew(old).finally(() => {
      this.#renewing = null;
    });
    return this.#renewing;
  }

  async #renew(old: string): Promise<string> {
    if (this.#identity) {
      const { source } = this.#identity;
      if (typeof source === "string") throw new RequestFailed("unauthorized", 401);
      const token = await source();
      Object.assign(this.#identity, { token, expires_at: endOf(token) });
      return token;
    }
    return this.#alone(() => this.#renewLead(old));
  }

  /** A refresh token may be good once: the one that comes with the answer is stored before anything else happens. */
  async #renewLead(old: string): Promise<string> {
    const known = this.#stored() ?? this.#known;
    if (!known) throw new RequestFailed("unauthorized", 401);
    if (known.access_token !== old) return this.#adopt(known);
    try {
      const { refresh_token } = known;
      const request = { body: { refresh_token }, silence: PATIENCE };
      const answer = await send(`${this.#options.api}/v1/lead/refresh`, "POST", null, request);
      const tokens = answer.json<Tokens>();
      this.#save({ ...known, ...tokensOf(tokens, refresh_token) });
      return tokens.access_token;
    } catch (error) {
      if (!(error instanceof RequestFailed) || error.status !== 401) throw error;
      // Another tab may have been faster, and what it stored is on its way.
      await pause(1_000);
      const stored = this.#stored();
      if (stored && stored.refresh_token !== known.refresh_token) return this.#adopt(stored);
      this.#save(null);
      throw error;
    }
  }

  /** Makes a new lead with what the visitor told. */
  async register(fields: object): Promise<void> {
    const { agent_id, source, api } = this.#options;
    const body = { agent_id, source, ...fields };
    const answer = (await send(`${api}/v1/lead/register`, "POST", null, { body })).json<Registered>();
    this.#save({ ...tokensOf(answer), conversation_id: answer.conversation.id });
  }

  /** Makes a lead where there is none, also not by another tab in this moment. True when this one made it. */
  ensure(): Promise<boolean> {
    return this.#alone(async () => {
      this.#known ??= this.#stored();
      if (this.exists) return false;
      await this.register({});
      return true;
    });
  }

  /** The visitor is who `source` says; what was said anonymously comes along. Null: nobody any more. */
  async identify(source: TokenSource | null): Promise<void> {
    if (source === null) {
      this.#identity = null;
      this.#save(null);
      return;
    }
    const token = typeof source === "string" ? source : await source();
    const anonymous = this.#identity ? null : await this.token().catch(() => null);
    if (anonymous !== null) {
      const body = { anonymous_token: anonymous };
      await send(`${this.#options.api}/v1/lead/merge`, "POST", token, { body });
      this.#save(null);
    }
    this.#identity = { source, token, expires_at: endOf(token), conversation_id: null };
  }

  /** Another tab wrote. */
  reload(): void {
    this.#known = this.#stored();
  }

  /** One tab at a time, where the browser can do that: on pages with https. The next one begins when it can read what was stored. */
  #alone<T>(work: () => Promise<T>): Promise<T> {
    if (!navigator.locks) return work();
    return new Promise((resolve, reject) => {
      let hasBegun = false;
      const run = async () => {
        if (hasBegun) return;
        hasBegun = true;
        await work().then(resolve, reject);
        await pause(ARRIVES);
      };
      // A page that may store nothing may lock nothing either; and a tab that the browser has frozen keeps its lock.
      setTimeout(run, PATIENCE);
      navigator.locks.request(this.#lock, run).catch(run);
    });
  }

  #adopt(known: Known): string {
    this.#known = known;
    return known.access_token;
  }

  /** What was stored last, by this tab or another one; what is no session of ours is none. */
  #stored(): Known | null {
    const stored = this.#store.read<Known>(KEY);
    const isKnown = typeof stored?.access_token === "string" && typeof stored.refresh_token === "string";
    return isKnown ? stored : null;
  }

  #save(known: Known | null): void {
    this.#known = known;
    this.#store.write(KEY, known);
  }
}

const tokensOf = ({ access_token, refresh_token, expires_in }: Tokens, before = "") => ({
  access_token,
  refresh_token: refresh_token ?? before,
  expires_at: Date.now() + expires_in * 1000,
});

/** When a JWT ends, in milliseconds; the distant future when it does not say. */
function endOf(token: string): number {
  try {
    const payload = JSON.parse(atob((token.split(".")[1] ?? "").replaceAll("-", "+").replaceAll("_", "/")));
    return Number(payload.exp) * 1000 || Number.MAX_SAFE_INTEGER;
  } catch {
    return Number.MAX_SAFE_INTEGER;
  }
}
