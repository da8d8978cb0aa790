/** A copy of everything held about a person (GDPR, articles 15 and 20), as lines of JSON, streamed and without a limit. */
import * as z from "zod";
import type { Caller, Entity } from "../auth/principal.ts";
import { conversationView } from "../chat/conversation.ts";
import { messageView } from "../chat/message.ts";
import type { Note, Rows } from "../chat/rpc.ts";
import { eventView } from "../compliance/seal.ts";
import { listAudit } from "../db/audit.ts";
import { causeOf, companyDatabase, type Database } from "../db/database.ts";
import {
  conversationsOf,
  deletedMessagesOf,
  latestConversations,
  messagesOf,
  notedConversations,
} from "../db/person-export.ts";
import type { AppContext } from "../http/context.ts";
import { Problem } from "../problem/problem.ts";
import { textStream } from "../http/text-stream.ts";
import { chainsOf } from "./audit.ts";
import { noteView } from "./conversation/handling.ts";
import { ask } from "./conversation/object.ts";
import { escapeLineEnds } from "../json.ts";
import { lazy } from "../lazy.ts";

const line = lazy(() =>
  z
    .looseObject({ type: z.enum(["person", "conversation", "message", "feedback", "note", "audit", "end"]) })
    .meta({ id: "ExportLine", description: "The object as its own route shows it, and `type`." }),
);

export const exportRoute = {
  method: "get",
  audience: "staff",
  scope: "admin",
  description:
    "One JSON object a line: the `person`, then each `conversation` with its `message`s, what was said of them (`feedback`) and what staff noted (`note`), then the `audit` rows of what the person did and what was done to them, and `end` with counts. A file without `end` is not whole. What is deleted is only counted (`end.deleted`): restore it first where it has to be in it.",
  problems: ["store_unavailable"],
  responses: () => ({
    200: {
      description: "The lines.",
      headers: {
        "Content-Disposition": { description: "A name for the file.", schema: { type: "string" as const } },
      },
      content: { "application/x-ndjson": { schema: line() } },
    },
  }),
} as const;

/** Conversations of which the last turns are waited for: elsewhere D1 may be behind by a second. */
const SETTLED = 50;

/** Answers with the export of `entity`, whose own line is `person`. */
export async function answerExport(
  c: AppContext,
  db: Database,
  caller: Caller,
  entity: Entity,
  person: object,
): Promise<Response> {
  const { company_id } = caller;
  const whom = { ...entity, company_id };
  const latest = await latestConversations(db, whom, SETTLED);
  await Promise.all(
    latest.map((id) =>
      c.env.CONVERSATION.getByName(id)
        .settle(company_id)
        .catch(() => null),
    ),
  );
  // The primary: a replica that was as far as the client asked may not have what has just been settled.
  const primary = await companyDatabase(c.env, company_id);
  const notes = (id: string) => notesOf(c, caller, id);
  const lines = linesOf(primary, await chainsOf(c, primary, company_id), notes, whom, person);
  const first = await lines.next();
  const onError = (error: unknown) =>
    console.error({ request_id: c.get("request_id"), event: "export_broken", error: causeOf(error) });
  return c.body(textStream(first, lines, onError), 200, {
    "content-type": "application/x-ndjson",
    "content-disposition": `attachment; filename="${entity.entity_type}_${entity.entity_id}.ndjson"`,
  });
}

async function* linesOf(
  db: Database,
  chains: Database[],
  notes: (conversation_id: string) => AsyncGenerator<Note[]>,
  person: Entity & { company_id: string },
  view: object,
): AsyncGenerator<string> {
  const counts = { person: 1, conversation: 0, message: 0, feedback: 0, note: 0, audit: 0 };
  const deleted = { conversation: 0, message: 0 };
  const write = (type: keyof typeof counts, row: object) => {
    if (type !== "person") counts[type]++;
    return escapeLineEnds(`${JSON.stringify({ type, ...row })}\n`);
  };
  yield write("person", view);
  for await (const rows of conversationsOf(db, person)) {
    const live = rows.filter((row) => row.deleted_at === null);
    deleted.conversation += rows.filter((row) => row.deleted_at !== null && row.erased_at === null).length;
    if (live.length === 0) continue;
    yield live.map((row) => write("conversation", conversationView(row, { entity_type: "user" }))).join("");
    const ids = live.map((row) => row.id);
    for await (const messages of messagesOf(db, person.company_id, ids)) {
      const texts = messages.flatMap(({ conversation_id, ...row }) => [
        write("message", messageView(conversation_id, { ...row })),
        ...(row.feedback ? [write("feedback", { conversation_id, message_id: row.id, ...row.feedback })] : []),
      ]);
      yield texts.join("");
    }
    for (const conversation_id of await notedConversations(db, person.company_id, ids))
      for await (const some of notes(conversation_id))
        yield some.map((note) => write("note", { conversation_id, ...noteView(note) })).join("");
    deleted.message += await deletedMessagesOf(db, ids);
  }
  const { company_id, entity_id } = person;
  for (const filter of [{ actor_id: entity_id }, { target_id: entity_id }]) {
    for (let after: Parameters<typeof listAudit>[3] = null; ;) {
      const { rows, next } = await listAudit(chains, company_id, filter, after, 100);
      // What the person did to themselves has been among the first.
      const fresh = rows.filter((row) => "actor_id" in filter || row.actor_id !== entity_id);
      if (fresh.length > 0) yield fresh.map(({ chain: _, ...row }) => write("audit", eventView(row))).join("");
      if (next === null) break;
      after = next;
    }
  }
  yield `${JSON.stringify({ type: "end", counts, deleted })}\n`;
}

/** Notes that are read at once. */
const NOTES = 100;

/** What staff noted in a conversation, newest first; nothing of one that was deleted meanwhile. */
async function* notesOf(c: AppContext, caller: Caller, conversation_id: string): AsyncGenerator<Note[]> {
  const pageAfter = (after: string | null): Promise<Rows<Note> | null> =>
    ask(c, caller, conversation_id, (object) => object.notes(caller, { after, offset: 0, limit: NOTES })).catch(
      unlessGone,
    );
  for (let after: string | null = null; ;) {
    const page: Rows<Note> | null = await pageAfter(after);
    if (page === null || page.rows.length === 0) return;
    yield page.rows;
    if (page.rows.length < NOTES) return;
    after = page.rows.at(-1)?.id ?? null;
  }
}

function unlessGone(error: unknown): null {
  if (error instanceof Problem && error.details.code === "not_found") return null;
  throw error;
}
