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
};

type Tokens = { access_token: string; refresh_token: string; expires_in: number };

const KEY = "session";
/** Milliseconds before its end at which a token is renewed. */
const EARLY = 60_000;

export class Session {
  readonly #options: Options;
  readonly #store: Store;
  #known: Known | null;
  #identity: { source: TokenSource; token: string; expires_at: number; conversation_id: string | null } | null = null;
  #renewing: Promise<string> | null = null;

  constructor(options: Options, store: Store) {
    this.#options = options;
    this.#store = store;
    this.#known = store.read<Known>(KEY);
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

  setConversation(id: string | null): void {
    if (this.#identity) this.#identity.conversation_id = id;
    else if (this.#known) this.#save({ ...this.#known, conversation_id: id });
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
    // Another tab may have done it already.
    const stored = this.#store.read<Known>(KEY);
    if (stored && stored.access_token !== old) return (this.#known = stored).access_token;
    if (!this.#known) throw new RequestFailed("unauthorized", 401);
    try {
      const body = { refresh_token: this.#known.refresh_token };
      const response = await send(`${this.#options.api}/v1/lead/refresh`, "POST", null, { body });
      const answer: Tokens = await response.json();
      this.#take(answer, this.#known.conversation_id);
      return answer.access_token;
    } catch (error) {
      if (error instanceof RequestFailed && error.status === 401) this.#save(null);
      throw error;
    }
  }

  /** Makes a new lead with what the visitor told. */
  async register(fields: object): Promise<void> {
    const { agent_id, source, api } = this.#options;
    const body = { agent_id, source, ...fields };
    const response = await send(`${api}/v1/lead/register`, "POST", null, { body });
    const answer = await response.json();
    this.#take(answer, answer.conversation.id);
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

  /** Another tab wrote: true when this one now speaks for somebody else. */
  reload(): boolean {
    if (this.#identity) return false;
    const before = this.conversation_id;
    this.#known = this.#store.read<Known>(KEY);
    return this.conversation_id !== before;
  }

  #take(answer: Tokens, conversation_id: string | null): void {
    const { access_token, refresh_token, expires_in } = answer;
    this.#save({ access_token, refresh_token, expires_at: Date.now() + expires_in * 1000, conversation_id });
  }

  #save(known: Known | null): void {
    this.#known = known;
    this.#store.write(KEY, known);
  }
}

/** When a JWT ends, in milliseconds; the distant future when it does not say. */
function endOf(token: string): number {
  try {
    const payload = JSON.parse(atob((token.split(".")[1] ?? "").replaceAll("-", "+").replaceAll("_", "/")));
    return Number(payload.exp) * 1000 || Number.MAX_SAFE_INTEGER;
  } catch {
    return Number.MAX_SAFE_INTEGER;
  }
}
