/** What is half written, by conversation, as long as somebody is signed in. */
const drafts = new Map<string, string>();

export const draftOf = (id: string): string => drafts.get(id) ?? "";

export function keepDraft(id: string, text: string): void {
  if (text === "") drafts.delete(id);
  else drafts.set(id, text);
}

export const forgetDrafts = (): void => drafts.clear();
