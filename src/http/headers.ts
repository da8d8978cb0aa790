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
  const isPage = c.res.headers.get("content-type")?.startsWith("text/html") ?? false;
  const headers = {
    "x-request-id": c.var.request_id,
    ...ALWAYS,
    ...(c.req.url.startsWith("https:") ? OVER_HTTPS : {}),
    ...(isPage ? OF_PAGES : {}),
    ...(c.res.headers.has("cache-control") ? {} : { "cache-control": "no-store" }),
  };
  for (const [name, value] of Object.entries(headers)) c.header(name, value);
}
