/**
 * Who was admitted to a conversation goes on there while D1 is away, for a day after D1 last said that the credential is good.
 * A credential is kept as its SHA-256 alone. What is new is written with the next change of the header: it costs no row.
 */
import { base64url } from "jose";
import type { Caller, Principal } from "../auth/principal.ts";
import type { Store } from "../chat/journal/store.ts";

/** Milliseconds for which a credential is remembered, and after which it is noted again. */
export const REMEMBERED = 24 * 60 * 60_000;
const AGAIN = 60 * 60_000;
/** Credentials of one conversation; the one that was checked longest ago is forgotten. */
const MOST = 8;

export class KnownCallers {
  readonly #store: Store;
  /** When the credentials that this process has noted were checked. */
  readonly #noted = new Map<string, number>();

  constructor(store: Store) {
    this.#store = store;
  }

  /** The caller was admitted. Nobody waits for what is noted of it. */
  note(caller: Caller): void {
    const { grant } = caller;
    if (!grant || grant.credential === "") return;
    const { credential, checked_at } = grant;
    if (checked_at < (this.#noted.get(credential) ?? Number.NEGATIVE_INFINITY) + AGAIN) return;
    this.#noted.delete(credential);
    this.#noted.set(credential, checked_at);
    const [oldest] = this.#noted.keys();
    if (this.#noted.size > MOST && oldest !== undefined) this.#noted.delete(oldest);
    void sha256(credential).then((hash) => this.#keep(hash, caller, grant));
  }

  #keep(hash: string, caller: Caller, grant: NonNullable<Caller["grant"]>): void {
    const { found } = this.#store;
    if (!found) return;
    const former = found.admitted.find((row) => row.hash === hash);
    if (former && grant.checked_at < former.principal.checked_at + AGAIN) return;
    const others = found.admitted.filter((row) => row.hash !== hash);
    const rows = [{ hash, principal: principalOf(caller, grant) }, ...others];
    rows.sort((a, b) => b.principal.checked_at - a.principal.checked_at);
    this.#store.noteLater({ admitted: rows.slice(0, MOST) });
  }

  /** The principal of this very credential at `now` (ms), or null when it is not remembered, or is over. */
  async recall(credential: string, now: number): Promise<Principal | null> {
    if (!this.#store.found) return null;
    const hash = await sha256(credential);
    const row = this.#store.found?.admitted.find((one) => one.hash === hash);
    if (!row || now - row.principal.checked_at >= REMEMBERED) return null;
    if (row.principal.expires_at !== null && row.principal.expires_at <= now) return null;
    return { ...row.principal, credential };
  }
}

function principalOf(caller: Caller, { credential: _, ...grant }: NonNullable<Caller["grant"]>) {
  const { kind, company_id, entity_type, entity_id, api_key_id, issuer_id, issued_at, expires_at } = caller;
  return { kind, company_id, entity_type, entity_id, api_key_id, issuer_id, issued_at, expires_at, ...grant };
}

const sha256 = async (text: string): Promise<string> =>
  base64url.encode(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))));
