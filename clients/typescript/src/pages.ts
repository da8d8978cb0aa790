/** Whole lists, read page by page. Cursors neither skip nor repeat rows while others are added. */
import type { Client } from "openapi-fetch";
import type { paths } from "./api.js";
import { type Problem, RequestFailed } from "./events.js";

type Listed<P extends keyof paths> = paths[P] extends {
  get: { responses: { 200: { content: { "application/json": infer Answer } } } };
}
  ? Answer
  : never;

/** Paths of lists: what they answer has a `pagination`. */
export type ListPath = {
  [P in keyof paths]: [Listed<P>] extends [never] ? never : Listed<P> extends { pagination: object } ? P : never;
}[keyof paths];

/** The one array beside `pagination`. */
export type Item<P extends ListPath> = {
  [Name in keyof Listed<P>]: Listed<P>[Name] extends (infer T)[] ? T : never;
}[keyof Listed<P>];

/** `path` and `query` as the operation has them; where each page begins is not for the caller. */
export type ListQuery<P extends ListPath> = paths[P] extends { get: { parameters: infer Parameters } }
  ? {
      [Part in keyof Parameters as Part extends "path" | "query" ? Part : never]: Part extends "query"
        ? Omit<NonNullable<Parameters[Part]>, "page" | "cursor">
        : Parameters[Part];
    }
  : never;

type Page = { pagination: { next_cursor: string | null } } & { [name: string]: unknown };
type Get = (path: string, init: object) => Promise<{ data?: Page; error?: Problem; response: Response }>;

export async function* listItems<P extends ListPath>(
  client: Client<paths>,
  path: P,
  params: ListQuery<P> | undefined,
): AsyncGenerator<Item<P>, void> {
  const { query = {}, ...rest }: { query?: object } = params ?? {};
  const get = client.GET as unknown as Get;
  for (let cursor: string | undefined; ;) {
    const { data, error, response } = await get(path, { params: { ...rest, query: { ...query, cursor } } });
    if (!data) throw new RequestFailed(response.status, error ?? null);
    yield* (Object.values(data).find(Array.isArray) ?? []) as Item<P>[];
    if (data.pagination.next_cursor === null) return;
    cursor = data.pagination.next_cursor;
  }
}
