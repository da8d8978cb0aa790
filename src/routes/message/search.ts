/** Search over what a company's live messages say. */
import * as z from "zod";
import { messageView } from "../../chat/message.ts";
import { causeOf, homeOf } from "../../db/database.ts";
import { findMessages, type Hit, lagOf } from "../../db/search/find.ts";
import { type Api } from "../../http/api.ts";
import { cursorPageOf, cursorQuery, respondWithCursor } from "../../http/cursor-page.ts";
import { id, idFilter, instant, text } from "../../http/fields.ts";
import { json } from "../../http/operation.ts";
import { lazy } from "../../lazy.ts";
import { Problem } from "../../problem/problem.ts";
import { messageSchema } from "./schema.ts";

const entityType = lazy(() => z.enum(["user", "lead"]));

const searchQuery = lazy(() =>
  cursorQuery({
    q: text(200, 1).meta({
      description:
        "All words must be there, the last one may be the beginning of one. Case and accents do not matter. Chinese, Japanese, Korean and Thai are found by any part.",
    }),
    agent_id: idFilter().optional(),
    conversation_id: idFilter().optional(),
    entity_type: entityType().optional(),
    entity_id: idFilter().optional(),
    role: z.enum(["user", "assistant"]).optional(),
    created_after: instant().optional(),
    created_before: instant().optional(),
  }),
);

const hitSchema = lazy(() =>
  z
    .object({
      message: messageSchema(),
      conversation: z.object({ id: id(), title: z.string(), entity_type: entityType(), entity_id: z.string() }),
      ranges: z.array(z.tuple([z.int(), z.int()])).meta({
        description: "Where the words are in `content`, as `[start, end]` in UTF-16 units; the first hundred places.",
      }),
    })
    .meta({ id: "SearchHit" }),
);

const page = lazy(() =>
  cursorPageOf("hits", hitSchema()).extend({
    lag_seconds: z.number().meta({
      description: "Age of the oldest of the newest replies that cannot be found yet; 0 when all can.",
    }),
  }),
);

export function messageSearchRoutes(api: Api): void {
  api.route(
    {
      method: "get",
      path: "/message/search",
      summary: "Search messages",
      description:
        "Newest first. What was written is found within seconds; what was deleted is not found any more from the answer of its delete on. A page may be short and yet not the last. 503 where the service has no search index.",
      tag: "Messages",
      audience: "staff",
      scope: "read",
      store: "none",
      query: searchQuery,
      problems: ["invalid_cursor", "store_unavailable"],
      responses: () => ({ 200: json("A page of hits.", page()) }),
    },
    async ({ c, caller, query }) => {
      const { SEARCH: search } = c.env;
      if (!search)
        throw new Problem("store_unavailable", "Search is not set up here: there is no index bound as SEARCH.");
      const { company_id } = caller;
      const { d1 } = await homeOf(c.env, company_id);
      const { per_page: _, cursor: __, ...filter } = query;
      const lag = available(lagOf(d1, search, company_id, Date.now()));
      lag.catch(() => undefined);
      return respondWithCursor({
        c,
        caller,
        name: "hits",
        query,
        filter,
        read: async (key, limit) => {
          const after = key && Number(key[0]);
          const { hits, next } = await available(findMessages(d1, search, company_id, filter, after, limit));
          return { rows: hits, next: next === null ? null : [next] };
        },
        view,
        more: async () => ({ lag_seconds: await lag }),
      });
    },
  );
}

const view = ({ message, conversation, ranges }: Hit) => ({
  message: messageView(conversation.id, message),
  conversation,
  ranges,
});

/** An index that is away, or not made yet, is no fault of the request. */
async function available<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    console.error(JSON.stringify({ event: "search_failed", error: causeOf(error) }));
    throw new Problem("store_unavailable", "The search index cannot be reached. Send the same request again later.");
  }
}
