/** Pages of a list: by number, or by a cursor (keyset), which neither skips nor repeats rows while others are added. */
import * as z from "zod";
import type { Caller } from "../auth/principal.ts";
import type { Rows, Slice } from "../db/page.ts";
import { type AppContext, linkTo, prefixOf } from "./context.ts";
import { decodeCursor, encodeCursor } from "./cursor.ts";
import { integer } from "./fields.ts";
import { invalid } from "../problem/problem.ts";
import { lazy } from "../lazy.ts";

/** Query members of every list. */
export const pageQuery = (perPage = 20) =>
  z.object({
    page: integer(1, 1_000_000_000).optional().meta({ description: "From 1. Not together with `cursor`." }),
    per_page: integer(1, 100).default(perPage).meta({ description: "Rows in a page." }),
    cursor: z.string().optional().meta({ description: "`next_cursor` of the page before." }),
  });

type PageQuery = z.output<ReturnType<typeof pageQuery>>;

const paginationSchema = lazy(() =>
  z
    .object({
      page: z.int(),
      per_page: z.int(),
      total: z.int().meta({ description: "Rows in the whole list." }),
      pages: z.int(),
      next_cursor: z.string().nullable(),
    })
    .meta({ id: "Pagination" }),
);

/** `{<name>: [item], pagination}` as a schema. */
export const pageOf = (name: string, item: z.ZodType, more: z.ZodRawShape = {}) =>
  z.object({ ...more, [name]: z.array(item), pagination: paginationSchema() });

export type Listing<T> = {
  c: AppContext;
  caller: Caller;
  /** Member of the answer that holds the rows. */
  name: string;
  query: PageQuery;
  /** Everything that decides which rows the list contains. A cursor is valid for this filter only. */
  filter: unknown;
  read: (slice: Slice) => Promise<Rows<T>>;
  /** Sort key of a row, unique within the list. */
  key: (row: T) => (string | number)[];
  view: (row: T) => unknown;
  /** `view` is JSON text already. */
  isText?: boolean;
  /** Further members of the response. */
  more?: Record<string, unknown>;
};

/** Responds with one page, its pagination and the Link header (RFC 8288). */
export async function respondWithPage<T>(listing: Listing<T>): Promise<Response> {
  const { c, query, caller } = listing;
  if (query.cursor !== undefined && query.page !== undefined) {
    throw invalid({ path: "/cursor", message: "is given together with page; send one of them" });
  }
  const binding = JSON.stringify([
    caller.company_id,
    caller.entity_type,
    caller.entity_id,
    c.req.path.slice(prefixOf(c).length),
    listing.filter,
  ]);
  const start = query.cursor === undefined ? null : await decodeCursor(c.get("config"), binding, query.cursor);
  const page = start?.page ?? query.page ?? 1;
  const { rows, total } = await listing.read({
    after: start?.key ?? null,
    offset: start ? 0 : (page - 1) * query.per_page,
    limit: query.per_page + 1,
  });
  const pageRows = rows.slice(0, query.per_page);
  const last = pageRows.at(-1);
  const next_cursor =
    rows.length > pageRows.length && last
      ? await encodeCursor(c.get("config"), binding, { key: listing.key(last), page: page + 1 })
      : null;
  const pages = Math.ceil(total / query.per_page);
  const pagination = { page, per_page: query.per_page, total, pages, next_cursor };
  c.header("link", links(c, pagination, start !== null) || undefined);
  const views = pageRows.map(listing.view);
  const text = listing.isText ? `[${views.join(",")}]` : JSON.stringify(views);
  const rest = JSON.stringify({ ...listing.more, pagination }).slice(1);
  return c.body(`{"${listing.name}":${text},${rest}`, 200, { "content-type": "application/json" });
}

/** Characters of all links together. Many clients refuse answers whose headers exceed 16 KiB. */
const MAX_LINKS = 8000;

/** The Link header (RFC 8288): pages by number link to numbers, pages by cursor to the next cursor. Links that do not fit are left out. */
function links(c: AppContext, p: z.output<ReturnType<typeof paginationSchema>>, byCursor: boolean): string {
  const link = (rel: string, name: "page" | "cursor", value: string | number) => {
    const target = new URL(linkTo(c, c.req.path.slice(prefixOf(c).length)));
    target.search = new URL(c.req.url).search;
    target.searchParams.delete("cursor");
    target.searchParams.delete("page");
    target.searchParams.set(name, String(value));
    return `<${target.href}>; rel="${rel}"`;
  };
  const last = Math.max(1, p.pages);
  const all = [
    ...(p.next_cursor ? [byCursor ? link("next", "cursor", p.next_cursor) : link("next", "page", p.page + 1)] : []),
    ...(byCursor || p.page === 1 ? [] : [link("prev", "page", Math.min(p.page - 1, last))]),
    link("first", "page", 1),
    ...(byCursor ? [] : [link("last", "page", last)]),
  ];
  let length = 0;
  return all.filter((one) => (length += one.length) <= MAX_LINKS).join(", ");
}
