/** A conversation that was given no title takes the beginning of its first message, for as long as that is there. */
import type { Header } from "./schema.ts";
import type { Journal } from "./journal.ts";
import type { Turn } from "../turn.ts";

export const DEFAULT_TITLE = "New Conversation";

/** Characters of an automatic title. */
const LENGTH = 60;

/** The first line of a text, cut at the end of a word. */
export function titleFrom(text: string): string {
  const line = text.trim().split(/\s*\n/, 1)[0]?.replaceAll(/\s+/g, " ") ?? "";
  if (line.length <= LENGTH) return line || DEFAULT_TITLE;
  const cut = line.slice(0, LENGTH);
  const words = cut.replace(/\s\S*$/u, "");
  return `${(words.length > LENGTH / 2 ? words : cut).toWellFormed().replace(/\uFFFD$/, "")}…`;
}

/** Takes the title from the message of this turn, where none was given. */
export function titleByTurn(journal: Journal, turn: Turn): void {
  const header = journal.header as Header;
  if (header.title !== DEFAULT_TITLE || header.titled_by !== null || turn.status !== "completed") return;
  journal.setHeader({ titled_by: turn.user_message_id });
  retitle(journal);
}

/** Brings an automatic title in line with its message: gone while that is deleted, back when it is restored. */
export function retitle(journal: Journal): void {
  const { title, titled_by } = journal.header as Header;
  if (titled_by === null) return;
  const message = journal.messages.find(titled_by);
  const due = message && message.deleted_at === null ? titleFrom(message.content) : DEFAULT_TITLE;
  if (due === title) return;
  journal.setHeader({ title: due });
  journal.outbox({ op: "header", audit: null });
}
