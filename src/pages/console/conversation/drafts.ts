/** What is half written, by conversation: until its writer signs out, or somebody else signs in after a session has ended. */
const drafts = new Map<string, string>();
let writer = "";

/** `person` has signed in. */
export function writeAs(person: string): void {
  if (person !== writer) drafts.clear();
  writer = person;
}

export const draftOf = (id: string): string => drafts.get(id) ?? "";

export function keepDraft(id: string, text: string): void {
  if (text === "") drafts.delete(id);
  else drafts.set(id, text);
}

export const forgetDrafts = (): void => drafts.clear();
