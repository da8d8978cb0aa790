/** Headers of every answer, whatever it is; files that are served beside the Worker get theirs from `_headers`. */
import type { AppContext } from "./context.ts";

/** Of everything. Only https may promise https (RFC 6797, 7.2). */
export const ALWAYS = { "x-content-type-options": "nosniff" };
export const OVER_HTTPS = { "strict-transport-security": "max-age=31536000" };
/** Of pages: none of them needs a device. */
const OF_PAGES = {
  "permissions-policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
};

export function addHeaders(c: AppContext): void {
  // Not by c.header(), which copies a response that is there already for every header.
  const { headers } = c.res;
  headers.set("x-request-id", c.get("request_id"));
  setAll(headers, ALWAYS);
  if (c.req.url.startsWith("https:")) setAll(headers, OVER_HTTPS);
  if (headers.get("content-type")?.startsWith("text/html")) setAll(headers, OF_PAGES);
  if (!headers.has("cache-control")) headers.set("cache-control", "no-store");
}

function setAll(headers: Headers, values: Record<string, string>): void {
  for (const name in values) headers.set(name, values[name] ?? "");
}
