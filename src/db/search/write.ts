/**
 * Writes the search index: how a stretch of one conversation is now, in one atomic batch. A batch that arrives twice changes
 * nothing, and one of an older revision is refused, by a trigger.
 */
import { causeOf } from "../database.ts";
import { wordsOf } from "./words.ts";

type Owner = {
  id: string;
  company_id: string;
  agent_id: string;
  entity_type: string;
  entity_id: string;
  erased_at: number | null;
};
type Found = { sequence: number; role: string; content: string; created_at: number };

/** Of the messages from sequence `first` to `last` these are to be found, and no others. */
export type Stretch = { header: Owner; revision: number; first: number; last: number; messages: Found[] };

/** A number of the index for each millisecond and message: ids are in the order of time. */
const PER_MILLI = 2048;
const LAST_MILLI = 2 ** 42 - 1;

/** Bytes of the words of one message: D1 takes 2 MB a row. A long reply without spaces has more than twice what it says. */
const MOST_WORDS = 1_900_000;

/** As many whole words, from the first on, as a row can hold. */
function fitting(words: string): string {
  if (words.length * 3 <= MOST_WORDS) return words;
  const { read } = new TextEncoder().encodeInto(words, new Uint8Array(MOST_WORDS));
  return words.slice(0, words.lastIndexOf(" ", read) + 1);
}

/** The least id of a message of `at` (ms). */
export const idAt = (at: number): number => Math.min(Math.max(at, 0), LAST_MILLI) * PER_MILLI;

/** One word of what a message can be filtered by. */
export const tagOf = (kind: "company" | "agent" | "conversation" | "type" | "entity" | "role", value: string): string =>
  `${kind}${value.replaceAll(/[^A-Za-z0-9]/g, "")}`;

const INSERT = `INSERT INTO message (id, conversation_id, sequence, tags, words)
  WITH RECURSIVE place (id) AS (
    SELECT ?1 UNION ALL SELECT id + 1 FROM place WHERE EXISTS (SELECT 1 FROM message AS m WHERE m.id = place.id)
  ) SELECT max(id), ?2, ?3, ?4, ?5 FROM place`;

/** Applies one batch. Throws when the index did not confirm it. */
export async function writeIndex(search: D1Database, stretch: Stretch): Promise<void> {
  await search.batch(statements(search, stretch)).catch((error: unknown) => {
    throw new Error(causeOf(error));
  });
}

/** The header comes first: where it is refused, nothing of the batch is applied. */
function statements(search: D1Database, { header, revision, first, last, messages }: Stretch): D1PreparedStatement[] {
  const { id, company_id, agent_id, entity_type, entity_id, erased_at } = header;
  const about = [
    tagOf("company", company_id),
    tagOf("agent", agent_id),
    tagOf("conversation", id),
    tagOf("type", entity_type),
    tagOf("entity", entity_id),
  ].join(" ");
  return [
    search
      .prepare(
        `INSERT INTO conversation (id, company_id, revision, erased) VALUES (?, ?, ?, ?)
         ON CONFLICT (id) DO UPDATE SET revision = excluded.revision, erased = excluded.erased`,
      )
      .bind(id, company_id, revision, erased_at === null ? 0 : 1),
    search.prepare("DELETE FROM message WHERE conversation_id = ? AND sequence BETWEEN ? AND ?").bind(id, first, last),
    ...messages.map(({ sequence, role, content, created_at }) => {
      const place = idAt(created_at) + Math.floor(Math.random() * PER_MILLI);
      const words = fitting(wordsOf(content));
      return search.prepare(INSERT).bind(place, id, sequence, `${about} ${tagOf("role", role)}`, words);
    }),
  ];
}

/** Nothing of these conversations stays, or comes back with what is still on its way. What goes is overwritten first. */
export async function eraseFromIndex(search: D1Database, company_id: string, ids: string[]): Promise<void> {
  const list = JSON.stringify(ids);
  const theirs = "conversation_id IN (SELECT value FROM json_each(?))";
  await search.batch([
    search
      .prepare(
        `INSERT INTO conversation (id, company_id, revision, erased) SELECT value, ?, 0, 1 FROM json_each(?) WHERE TRUE
         ON CONFLICT (id) DO UPDATE SET erased = 1`,
      )
      .bind(company_id, list),
    search
      .prepare(`UPDATE message SET words = printf('%.*c', length(CAST(words AS BLOB)), 'x') WHERE ${theirs}`)
      .bind(list),
    search.prepare(`DELETE FROM message WHERE ${theirs}`).bind(list),
  ]);
}
