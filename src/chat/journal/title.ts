/** A conversation that was given no title takes the beginning of its first message, for as long as that is there. */
import type { Journal } from "./journal.ts";
import { DEFAULT_TITLE, titleFrom } from "../title.ts";
import type { Turn } from "../turn.ts";

/** Takes the title from the message of this turn, where none was given. */
export function titleByTurn(journal: Journal, turn: Turn): void {
  const { header } = journal;
  if (header.title !== DEFAULT_TITLE || header.titled_by !== null || turn.status !== "completed") return;
  journal.store.setHeader({ titled_by: turn.user_message_id });
  retitle(journal);
}

/** Brings an automatic title in line with its message: gone while that is deleted, back when it is restored. */
export function retitle(journal: Journal): void {
  const { title, titled_by } = journal.header;
  if (titled_by === null) return;
  const message = journal.messages.find(titled_by);
  const due = message && message.deleted_at === null ? titleFrom(message.content) : DEFAULT_TITLE;
  if (due === title) return;
  journal.store.setHeader({ title: due });
  journal.outbox.add({ op: "header", audit: null });
}
