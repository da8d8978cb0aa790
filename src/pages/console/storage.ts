/** What this browser, and this tab, keep for the console; where they may keep nothing, the memory of the page does. */
import { openStore } from "../widget/storage.ts";

export const browserStore = openStore("localStorage", "console:");
export const tabStore = openStore("sessionStorage", "console:");
