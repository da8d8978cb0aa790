/** Files that are built beside the Worker (`npm run build`), as answers whose headers can be changed. */
import type { AppContext } from "./context.ts";
import { notFound } from "../problem/problem.ts";

/** The built file. Conditional requests work. Throws 404 where there is none. */
export async function assetOf(c: AppContext, path: string): Promise<Response> {
  const headers = new Headers();
  const etag = c.req.header("if-none-match");
  if (etag !== undefined) headers.set("if-none-match", etag);
  const asset = await c.env.ASSETS.fetch(new Request(new URL(path, c.req.url), { headers }));
  if (asset.status === 404) throw notFound();
  return new Response(asset.body, asset);
}
