/** The credential of this tab: it is in sessionStorage, which ends with the tab. */
import type { Credential } from "./api.ts";
import { tabStore } from "./storage.ts";

const NAME = "credential";

export const storedCredential = (): Credential | null => tabStore.read(NAME);
export const storeCredential = (credential: Credential): void => tabStore.write(NAME, credential);
export const forgetCredential = (): void => tabStore.write(NAME, null);
