/** Files of dist/public as answers whose headers can be changed. */
import type { AppContext } from "./context.ts";

/** The built file. Conditional requests work; what is not there is a 404 without a body. */
export async function assetOf(c: AppContext, path: string): Promise<Response> {
  const headers = new Headers();
  const etag = c.req.header("if-none-match");
  if (etag !== undefined) headers.set("if-none-match", etag);
  const asset = await c.env.ASSETS.fetch(new Request(new URL(path, c.req.url), { headers }));
  return new Response(asset.body, asset);
}
