/** Messages that nobody has confirmed yet: they survive a reload of their tab, and can then be sent under their old name. */
import { type Item, ownItem } from "./chat-item.ts";
import type { Store } from "./storage.ts";

type Draft = { key: string; content: string };

const NAME = "drafts";

export function keepDrafts(store: Store, items: Item[]): void {
  const unsent = items.filter((item) => item.role === "user" && item.id === null);
  store.write(NAME, unsent.length > 0 ? unsent.map(({ key, content }) => ({ key, content })) : null);
}

/** Those that were kept and are not among `items`, as messages that failed. */
export function lostDrafts(store: Store, items: Item[]): Item[] {
  const kept = store.read<unknown>(NAME);
  const drafts = (Array.isArray(kept) ? kept : []) as Partial<Draft>[];
  return drafts
    .filter((draft): draft is Draft => typeof draft?.key === "string" && typeof draft.content === "string")
    .filter(({ key }) => !items.some((item) => item.key === key))
    .map(({ key, content }) => ownItem(key, content, "failed"));
}
