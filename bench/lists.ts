/** Lists: the same page of a small and of a large company, near and deep, short history and long. */
import type { Send } from "./load.ts";
import type { Load } from "./processes.ts";
import { type Effort, roundsOf } from "./rounds.ts";
import type { Tenant } from "./seed.ts";

/** `name` is `<far> / <near>`. */
export type ListCase = { name: string; near: Send; far: Send };

type Page = { pagination: { next_cursor: string | null } };

/** A GET of the service by a user of the company. */
const get = (base: string, tenant: Tenant, path: string): Send => ({
  method: "GET",
  url: `${base}/v1${path}`,
  headers: tenant.headers,
});

/** The request of the page after `pages` others, found as a client finds it: page by page. */
async function pageAfter(load: Load, base: string, tenant: Tenant, path: string, pages: number): Promise<Send> {
  const join = path.includes("?") ? "&" : "?";
  let next = get(base, tenant, path);
  for (let page = 0; page < pages; page++) {
    const { pagination } = await load.json<Page>(next);
    if (pagination.next_cursor === null) throw new Error(`${path} has no more than ${page + 1} pages`);
    next = get(base, tenant, `${path}${join}cursor=${pagination.next_cursor}`);
  }
  return next;
}

export type Sizes = { small: Tenant; large: Tenant; history: Tenant; short: string; long: string };

/** What is compared. `short` and `long` are conversations of `history`. */
export async function listCases(load: Load, base: string, sizes: Sizes): Promise<ListCase[]> {
  const { small, large, history, short, long } = sizes;
  const list = "/conversation";
  const messages = (id: string) => `/conversation/${id}/messages`;
  const after = (path: string, tenant: Tenant, pages: number) => pageAfter(load, base, tenant, path, pages);
  const near = get(base, large, list);
  const nearHistory = get(base, history, messages(long));
  return [
    { name: "list of 100,000 / list of 100", near: get(base, small, list), far: near },
    { name: "list, cursor page 1,000 / list, page one", near, far: await after(list, large, 1000) },
    { name: "list, page=1000 / list, page 1", near, far: get(base, large, `${list}?page=1000`) },
    { name: "history of 10,000 / history of 100", near: get(base, history, messages(short)), far: nearHistory },
    {
      name: "history, cursor page 190 / history, page one",
      near: nearHistory,
      far: await after(messages(long), history, 190),
    },
    {
      name: "history, page=190 / history, page 1",
      near: nearHistory,
      far: get(base, history, `${messages(long)}?page=190`),
    },
  ];
}

/** Milliseconds of both sides, a list per round. */
export async function measureLists(
  load: Load,
  cases: ListCase[],
  effort: Effort,
  perRound: number,
): Promise<Map<string, { near: number[][]; far: number[][] }>> {
  const result = new Map(cases.map(({ name }) => [name, { near: [] as number[][], far: [] as number[][] }]));
  const times = async (request: Send) =>
    (await load.run(Array.from({ length: perRound }, () => request))).map((sample) => sample.ms);
  for (const round of roundsOf(effort)) {
    for (const { name, near, far } of cases) {
      const sides = round % 2 === 0 ? ([near, far] as const) : ([far, near] as const);
      const [first, second] = [await times(sides[0]), await times(sides[1])];
      if (round === 0) continue;
      result.get(name)?.near.push(round % 2 === 0 ? first : second);
      result.get(name)?.far.push(round % 2 === 0 ? second : first);
    }
  }
  return result;
}
