/** A copy of everything held about a person (GDPR, articles 15 and 20), as lines of JSON, streamed and without a limit. */
import * as z from "zod";
import type { Caller, Entity } from "../auth/principal.ts";
import { conversationView } from "../chat/conversation.ts";
import { messageView } from "../chat/message.ts";
import { eventView } from "../compliance/seal.ts";
import { listAudit } from "../db/audit.ts";
import { causeOf, companyDatabase, type Database } from "../db/database.ts";
import { conversationsOf, deletedMessagesOf, latestConversations, messagesOf } from "../db/person-export.ts";
import type { AppContext } from "../http/context.ts";
import { textStream } from "../http/text-stream.ts";
import { chainsOf } from "./audit.ts";
import { lazy } from "../lazy.ts";

const line = lazy(() =>
  z
    .looseObject({ type: z.enum(["person", "conversation", "message", "feedback", "audit", "end"]) })
    .meta({ id: "ExportLine", description: "The object as its own route shows it, and `type`." }),
);

export const exportRoute = {
  method: "get",
  audience: "staff",
  scope: "admin",
  description:
    "One JSON object a line: the `person`, then each `conversation` with its `message`s and what was said of them (`feedback`), then the `audit` rows of what the person did and what was done to them, and `end` with counts. A file without `end` is not whole. What is deleted is only counted (`end.deleted`): restore it first where it has to be in it.",
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
  const lines = linesOf(primary, await chainsOf(c, primary, company_id), whom, person);
  const first = await lines.next();
  const onError = (error: unknown) =>
    console.error({ request_id: c.var.request_id, event: "export_broken", error: causeOf(error) });
  return c.body(textStream(first, lines, onError), 200, {
    "content-type": "application/x-ndjson",
    "content-disposition": `attachment; filename="${entity.entity_type}_${entity.entity_id}.ndjson"`,
  });
}

async function* linesOf(
  db: Database,
  chains: Database[],
  person: Entity & { company_id: string },
  view: object,
): AsyncGenerator<string> {
  const counts = { person: 1, conversation: 0, message: 0, feedback: 0, audit: 0 };
  const deleted = { conversation: 0, message: 0 };
  const write = (type: keyof typeof counts, row: object) => {
    if (type !== "person") counts[type]++;
    return `${JSON.stringify({ type, ...row })}\n`;
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
