/**
 * Signing in at a company's identity provider. What shows that an answer belongs to this tab (state, nonce, code_verifier)
 * stays in it; the service exchanges the code.
 */
import { Api, type Credential } from "./api.ts";
import {
  challengeOf,
  isAnswer,
  type Pending,
  type Provider,
  randomText,
  readAnswer,
  requestOf,
  type Start,
} from "./authorization.ts";
import { tabStore } from "./storage.ts";
import { say } from "./words.ts";

const NAME = "sign-in";

/** The company's providers that people sign in at; none where the company is unknown. */
export const providersOf = async (company_id: string, signal?: AbortSignal): Promise<Provider[]> =>
  (await new Api(null).get<{ providers: Provider[] }>("/auth/sign-in", { company_id }, signal)).providers;

/** Leaves this page for the provider's. */
export async function departTo({ id }: Provider): Promise<void> {
  const start = await new Api(null).get<Start>(`/auth/sign-in/${id}`);
  const { issuer, client_id } = start;
  const secrets = { state: randomText(), nonce: randomText(), code_verifier: randomText() };
  const pending: Pending = { provider: { id, issuer, client_id }, ...secrets, back: location.pathname };
  const address = requestOf(start, pending, await challengeOf(pending.code_verifier));
  tabStore.write(NAME, pending);
  location.assign(address);
}

/**
 * Where the browser comes back from a provider: what finds out the credential. The address forgets the answer at once, and
 * the tab what it had begun: a code is good once.
 */
export function comeBack(): (() => Promise<Credential>) | null {
  const search = new URLSearchParams(location.search);
  if (!isAnswer(search)) return null;
  const begun = tabStore.read<Pending>(NAME);
  tabStore.write(NAME, null);
  history.replaceState(null, "", begun?.back.startsWith("/console") ? begun.back : "/console");
  return async () => {
    const answer = readAnswer(search, begun);
    if (answer.kind === "stray") throw new Error(say("signInStray"));
    if (answer.kind === "refused") throw new Error(say("signInRefused", { reason: answer.reason }));
    const { code_verifier, nonce, provider } = answer.pending;
    const body = { code: answer.code, code_verifier, nonce };
    const { id_token } = await new Api(null).send<{ id_token: string }>("POST", `/auth/sign-in/${provider.id}`, {
      body,
    });
    return { token: id_token };
  };
}
