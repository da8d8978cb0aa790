/** Lists that are walked by cursor alone: nothing is counted, and a page reads no more than it shows. */
import * as z from "zod";
import type { Caller } from "../auth/principal.ts";
import { type AppContext, linkTo, prefixOf } from "./context.ts";
import { decodeCursor, encodeCursor } from "./cursor.ts";
import { integer } from "./fields.ts";
import { lazy } from "../lazy.ts";

type Key = (string | number)[];

/** Rows behind `after`, and where the next page begins: null at the end. A page may be short and yet not the last. */
type Walked<T> = { rows: T[]; next: Key | null };

/** Query members of such a list. What is not among them is refused: nobody takes the second page for the first. */
export const cursorQuery = <S extends z.ZodRawShape>(filters: S, perPage = 20) =>
  z.strictObject({
    per_page: integer(1, 100).default(perPage).meta({ description: "Rows in a page, at most." }),
    cursor: z.string().optional().meta({ description: "`next_cursor` of the page before." }),
    ...filters,
  });

const cursorPagination = lazy(() =>
  z
    .object({
      per_page: z.int(),
      next_cursor: z
        .string()
        .nullable()
        .meta({ description: "null at the end; a page may be short and not the last." }),
    })
    .meta({ id: "CursorPagination" }),
);

/** `{<name>: [item], pagination}` as a schema. */
export const cursorPageOf = (name: string, item: z.ZodType) =>
  z.object({ [name]: z.array(item), pagination: cursorPagination() });

export type Walk<T> = {
  c: AppContext;
  caller: Caller;
  /** Member of the answer that holds the rows. */
  name: string;
  query: { per_page: number; cursor?: string | undefined };
  /** Everything that decides which rows the list has; a cursor is bound to it. */
  filter: unknown;
  read: (after: Key | null, limit: number) => Promise<Walked<T>>;
  view: (row: T) => unknown;
  /** Members of the answer beside the page, once it is read. */
  more?: () => Promise<object>;
};

/** Answers one page, with its pagination member and an RFC 8288 Link to the next. */
export async function respondWithCursor<T>({
  c,
  caller,
  name,
  query,
  filter,
  read,
  view,
  more,
}: Walk<T>): Promise<Response> {
  const path = c.req.path.slice(prefixOf(c).length);
  const binding = JSON.stringify([caller.company_id, caller.entity_type, caller.entity_id, path, filter]);
  const start = query.cursor === undefined ? null : await decodeCursor(c.get("config"), binding, query.cursor);
  const { rows, next } = await read(start?.key ?? null, query.per_page);
  const next_cursor = next && (await encodeCursor(c.get("config"), binding, { key: next, page: 0 }));
  if (next_cursor !== null) {
    const target = new URL(linkTo(c, path));
    target.search = new URL(c.req.url).search;
    target.searchParams.set("cursor", next_cursor);
    c.header("link", `<${target.href}>; rel="next"`);
  }
  return c.json({ [name]: rows.map(view), ...(await more?.()), pagination: { per_page: query.per_page, next_cursor } });
}
