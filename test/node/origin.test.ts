/** The origin of links, and of the service's own pages, is that of the present request, whatever others have asked for. */
import { expect, it } from "vitest";
import { type AppContext, askedOrigin } from "../../src/http/context.ts";

const URLS = [
  ...[
    "http://a.co/v1",
    "http://a.com/v1",
    "https://a.co/",
    "https://A.co/",
    "http://a.co:80/v1",
    "http://a.co:8080/v1",
  ],
  ...["http://[::1]/", "http://[::1]:8787/", "http://1/", "http://127.1/", "http://xn--4ca/", "http://ä/v1"],
  // A request line need not begin its path with a slash, and a Host need not be one.
  ...[
    "http://a.com",
    "http://a.co*",
    "http://a.com.evil.org",
    "http://a.co?/v1",
    "http://a.co#/v1",
    "http://a.co\\/v1",
  ],
  ...["http://a.co\t.evil.org/", "http://a.co@evil.org/", "http://u:p@a.co/", "http://a.co/@evil.org/", "http:a.co/v1"],
  ...[
    "http:///a.co/",
    "http:////a.co/",
    "http:////evil.org/",
    "http://\\a.co/",
    "http://\\/evil.org/",
    "HTTP://a.co/v1",
  ],
];

it.each(URLS)("after %s, too", (before) => {
  const ask = (url: string) => askedOrigin({ req: { url } } as AppContext);
  for (const url of URLS) {
    ask(before);
    expect(ask(url), url).toBe(new URL(url).origin);
  }
});
