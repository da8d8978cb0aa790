/** The documentation as files: the OpenAPI document under every prefix, and text for language models, of which every link leads somewhere. */
import { describe, expect, it } from "vitest";
import { call } from "./company.ts";

const site = "http://api.test";

describe("The OpenAPI document", () => {
  it("is the same under every prefix, for any website to read", async () => {
    const { body: whole } = await call("GET", "/openapi.json");
    expect(whole.openapi).toBe("3.1.0");
    for (const path of ["/v1/openapi.json", "/api/v1/openapi.json"]) {
      const { headers, body } = await call("GET", path);
      expect(headers.get("content-type")).toBe("application/json");
      expect(headers.get("access-control-allow-origin")).toBe("*");
      expect(body).toEqual(whole);
    }
  });

  it("is sent again only when it has changed", async () => {
    const etag = (await call("GET", "/openapi.json")).headers.get("etag") ?? "";
    expect(etag).not.toBe("");
    expect((await call("GET", "/openapi.json", { headers: { "if-none-match": etag } })).status).toBe(304);
  });
});

/** The addresses of Markdown links. */
const linksIn = (text: string) => [...text.matchAll(/\]\(([^)#\s]+)/g)].map(([, link = ""]) => link);

describe("llms.txt", () => {
  it("has the form that llmstxt.org describes", async () => {
    const { status, headers, body } = await call("GET", "/llms.txt");
    expect([status, headers.get("content-type")]).toEqual([200, "text/plain; charset=utf-8"]);
    expect(body).toMatch(/^# Conversations API\n\n> .+\n\n/);
    const [, ...sections] = (body as string).split(/^## /m);
    expect(sections.map((section) => section.split("\n")[0])).toEqual(["API", "Guides", "Optional"]);
    for (const section of sections)
      for (const line of section.split("\n").slice(1).filter(Boolean))
        expect(line).toMatch(/^- \[[^\]]+\]\(http:\/\/api\.test\/[^)]+\): .+\.$/);
  });

  it("leads to pages that are there, and so do their own links", async () => {
    const seen = new Map([[`${site}/llms.txt`, "text/plain"]]);
    const broken: string[] = [];
    for (const page of seen.keys()) {
      const { status, headers, body } = await call("GET", page);
      const type = headers.get("content-type") ?? "";
      seen.set(page, type);
      if (status !== 200) broken.push(`${page}: ${status}`);
      if (!/^text\/(plain|markdown)/.test(type)) continue;
      for (const link of linksIn(body as string)) {
        const { origin, href } = new URL(link, page);
        if (origin === site && !seen.has(href)) seen.set(href, "");
      }
    }
    expect(broken).toEqual([]);
    const guides = [...seen].filter(([page]) => page.endsWith(".md"));
    expect(guides.length).toBeGreaterThan(10);
    for (const [page, type] of guides) expect([page, type]).toEqual([page, "text/markdown; charset=utf-8"]);
  });

  it("names pages that are not there as any other address", async () => {
    const { status, body } = await call("GET", "/docs/nothing.md");
    expect([status, body.code]).toEqual([404, "not_found"]);
  });
});

describe("The reference page", () => {
  it("carries no credential where nobody set one", async () => {
    const { headers, body } = await call("GET", "/docs");
    expect(headers.get("content-security-policy")).toContain("script-src 'self'; ");
    expect(body).toContain('id="reference"');
    expect(body).not.toMatch(/a[ks]_/);
  });
});
