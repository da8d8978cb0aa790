/**
 * The credential that a request has sent, and what shows that a later request has the very same one: of a token its
 * signature, of an API key its public half and the hash of its secret, and the origin of the page that sent it.
 */
import { hashSecret } from "../auth/api-key.ts";
import type { AppContext } from "./context.ts";

export type SentKey = { key: string; secret: string };

/** Null when there is none. A Bearer token counts alone; with `keyAsBearer` it may be the halves of an API key. */
export function sentCredential(c: AppContext, keyAsBearer: boolean): SentKey | { token: string } | null {
  const authorization = c.req.header("authorization");
  const bearer = authorization === undefined ? null : /^Bearer(?:\s(.*))?$/i.exec(authorization);
  if (bearer) {
    const token = (bearer[1] ?? "").trim();
    const halves = keyAsBearer ? /^(ak_[^:]*):(as_[^:]*)$/.exec(token) : null;
    return halves ? { key: halves[1] ?? "", secret: halves[2] ?? "" } : { token };
  }
  const key = c.req.header("x-api-key");
  const secret = c.req.header("x-api-secret");
  return key === undefined && secret === undefined ? null : { key: key ?? "", secret: secret ?? "" };
}

/** The same for every request with this credential, from a page of this origin. */
export async function shownBy(c: AppContext, keyAsBearer: boolean): Promise<string | null> {
  const sent = sentCredential(c, keyAsBearer);
  if (!sent) return null;
  return shownWith(c, "token" in sent ? signatureOf(sent.token) : `${sent.key} ${await hashSecret(sent.secret)}`);
}

export const shownWith = (c: AppContext, secret: string): string => `${secret} ${c.req.header("origin") ?? ""}`;

export const signatureOf = (token: string): string => token.slice(token.lastIndexOf(".") + 1);
