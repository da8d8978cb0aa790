/** The link to /setup as `npm run company -- link` prints it, opened in a browser: the first admin key, once, and nowhere else. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openLocalDatabase } from "../../src/cli/local/database.ts";
import type { Server } from "../../src/cli/local/server.ts";
import { makeSetupLink } from "../../src/cli/tenant/setup-link.ts";
import { paths } from "../../src/cli/tool/project.ts";
import { serve } from "./serve.ts";
import { startBrowser } from "./widget/browser.ts";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

let folder: string;
let server: Server;
let browser: Browser;
let url: string;
/** Addresses of all requests that left the browser. */
const requests: string[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "conversations-setup-"));
  await (await openLocalDatabase(folder)).close();
  const vars = join(folder, "vars");
  // Not as npm start serves it: as in production.
  writeFileSync(vars, `TOKEN_SECRETS=${"t".repeat(32)}\nENCRYPTION_KEYS=${"e".repeat(32)}\n`);
  server = await serve("--persist-to", folder, "--env-file", vars);
  ({ url } = server);
  browser = await startBrowser();
});

afterAll(async () => {
  await browser?.close();
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Through wrangler, as `npm run deploy` does it in production. */
const newLink = (first: boolean) =>
  makeSetupLink(["--local", "--config", paths.localConfig, "--persist-to", folder], { first });

async function newPage(): Promise<Page> {
  const page = await browser.newPage();
  page.on("request", (request) => requests.push(request.url(), request.headers()["referer"] ?? ""));
  return page;
}

let secret = "";

it("is not there before there is a link", async () => {
  expect((await fetch(`${url}/setup`)).status).toBe(404);
});

it("makes the first company", async () => {
  const link = await newLink(true);
  if (link.kind !== "made") throw new Error(JSON.stringify(link));
  const page = await newPage();
  await page.goto(url + link.path);
  secret = link.path.split("#")[1] ?? "";
  expect(secret.length).toBeGreaterThan(40);
  // Before anything is typed, the token is out of the address, and so out of the history.
  expect(page.url()).toBe(`${url}/setup`);
  await page.evaluate(axe);
  expect(await page.evaluate("axe.run().then(({ violations }) => violations.map(({ id }) => id))")).toEqual([]);

  await page.getByLabel("Name of the company").fill("Acme <b>& Sons</b>");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Acme <b>& Sons</b> is there" }).waitFor();
  const lines = await page.getByLabel("Both headers of a request").inputValue();
  const headers = Object.fromEntries(lines.split("\n").map((line) => line.split(": ")));
  const who = await fetch(`${url}/v1/auth/validate`, { headers });
  expect(await who.json()).toMatchObject({ scopes: ["admin"] });
  expect(await page.evaluate("axe.run().then(({ violations }) => violations.map(({ id }) => id))")).toEqual([]);
  const kept = await page.evaluate(
    "JSON.stringify([Object.entries(localStorage), Object.entries(sessionStorage), document.cookie])",
  );
  expect(kept).toBe('[[],[],""]');
});

it("is gone afterwards, and was in no address", async () => {
  expect((await fetch(`${url}/setup`)).status).toBe(404);
  expect(requests.length).toBeGreaterThan(3);
  expect(requests.join("\n")).not.toContain(secret);
});

it("is not needed where there is a company, and made where somebody wants one", async () => {
  expect(await newLink(true)).toEqual({ kind: "not needed" });
  const [old, link] = [await newLink(false), await newLink(false)];
  if (old.kind !== "made" || link.kind !== "made") throw new Error(JSON.stringify([old, link]));
  const page = await newPage();
  await page.goto(url + old.path);
  await page.getByLabel("Name of the company").fill("Second");
  await page.getByRole("button").click();
  await page.getByText("This link is not good").waitFor();
  await page.goto("about:blank");
  await page.goto(`${url}/setup`);
  await page.getByText("Open the whole link").waitFor();
  await page.goto("about:blank");
  await page.goto(url + link.path);
  await page.getByLabel("Name of the company").fill("Second");
  await page.getByRole("button").click();
  await page.getByRole("heading", { name: "Second is there" }).waitFor();
});
