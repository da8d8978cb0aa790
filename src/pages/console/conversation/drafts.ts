/** What is half written, by conversation, as long as the page is open. */
const drafts = new Map<string, string>();

export const draftOf = (id: string): string => drafts.get(id) ?? "";

export function keepDraft(id: string, text: string): void {
  if (text === "") drafts.delete(id);
  else drafts.set(id, text);
}
