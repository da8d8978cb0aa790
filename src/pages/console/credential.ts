/** The credential of this tab: it is in sessionStorage, which ends with the tab. */
import type { Credential } from "./api.ts";

const KEY = "console:credential";

export function storedCredential(): Credential | null {
  try {
    return JSON.parse(sessionStorage.getItem(KEY) ?? "null") as Credential | null;
  } catch {
    return null;
  }
}

export const storeCredential = (credential: Credential): void =>
  sessionStorage.setItem(KEY, JSON.stringify(credential));
export const forgetCredential = (): void => sessionStorage.removeItem(KEY);
