/** The reference page in a browser: under its own policy, without a network, filled in on this machine, and for everybody. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Browser, BrowserContext, Locator, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Api, startApi } from "./widget/api.ts";
import { startBrowser } from "./widget/browser.ts";

let api: Api;
let browser: Browser;
let agent: { id: string };

beforeAll(async () => {
  api = await startApi();
  agent = await api.agent({ name: "Echo", model: "builtin/echo" });
  browser = await startBrowser();
}, 180_000);
afterAll(async () => {
  await browser.close();
  await api.stop();
});

type Opened = { context: BrowserContext; page: Page; strays: string[]; complaints: string[] };

/** The page, read to its end. `strays` are requests to anybody else, which fail; `complaints` are the console's errors. */
async function open(options: object = {}, address = `${api.url}/docs`): Promise<Opened> {
  const context = await browser.newContext(options);
  const strays: string[] = [];
  const complaints: string[] = [];
  await context.route(
    ({ origin, protocol }) => origin !== api.url && protocol.startsWith("http"),
    (route) => {
      strays.push(route.request().url());
      return route.abort();
    },
  );
  const page = await context.newPage();
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  await page.goto(address);
  await page.getByRole("heading", { name: "Conversations API" }).first().waitFor();
  return { context, page, strays, complaints };
}

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Opens the operation of this id and returns its block. */
async function operation(page: Page, operationId: string): Promise<Locator> {
  const block = page.locator(`[id$="-${operationId}"]`);
  await block.locator(".opblock-summary-control").click();
  await block.getByRole("button", { name: "Execute" }).waitFor();
  return block;
}

describe("the reference page", () => {
  it("speaks to nobody but this service, under a policy without foreign or inline scripts", async () => {
    const { context, page, strays, complaints } = await open();
    await operation(page, "post_conversation_by_id_chat");
    await page.getByRole("button", { name: "Authorize" }).first().click();
    await page.getByRole("button", { name: "Close" }).first().click();
    await page.locator(".models button").first().click();
    await page.waitForLoadState("networkidle");
    expect(strays).toEqual([]);
    expect(complaints).toEqual([]);
    await context.close();
  });

  it("tries calls with the demo company's key and agent, and no other", async () => {
    const { context, page, strays, complaints } = await open();
    const create = await operation(page, "post_conversation");
    await create.getByRole("button", { name: "Execute" }).click();
    const answer = create.locator(".live-responses-table .highlight-code").first();
    await answer.getByText('"conversation"').waitFor();
    expect(
      await create.locator(".live-responses-table tr.response .response-col_status").first().textContent(),
    ).toContain("201");
    expect(await answer.textContent()).toContain(agent.id);
    expect(strays).toEqual([]);
    expect(complaints).toEqual([]);
    await context.close();
  });

  it("has an example in curl, TypeScript and Python at every operation", async () => {
    const { context, page } = await open();
    const chat = await operation(page, "post_conversation_by_id_chat");
    const example = chat.locator(".example");
    const seen: Record<string, string> = {};
    for (const language of ["curl", "TypeScript", "Python"]) {
      await example.getByText(language, { exact: true }).click();
      seen[language] = (await example.locator("pre").allTextContents()).join("\n");
    }
    expect(seen["curl"]).toContain(`curl -X 'POST'`);
    expect(seen["TypeScript"]).toContain("await fetch(");
    expect(seen["Python"]).toContain("requests.post(");
    for (const text of Object.values(seen)) {
      expect(text).toContain(`${api.url}/v1/conversation/{id}/chat`);
      expect(text).toContain("Are you open on Saturday?");
    }
    await context.close();
  });
});

const LOOKS = { "a light screen": {}, "a dark screen": { colorScheme: "dark" as const } };

describe.each(Object.entries(LOOKS))("on %s", (_, screen) => {
  it("breaks no rule of WCAG 2.2 A and AA that axe knows as serious", async () => {
    const { context, page } = await open(screen);
    await operation(page, "post_conversation_by_id_chat");
    // Not under the page's policy, which lets nothing in.
    const found = await page.evaluate(`${axe}; axe.run({ resultTypes: ["violations"] })`);
    const { violations } = found as { violations: { id: string; impact: string; nodes: { target: string[] }[] }[] };
    const serious = violations.filter(({ impact }) => ["serious", "critical"].includes(impact));
    expect(serious.map(({ id, nodes }) => `${id}: ${nodes.length} × ${nodes[0]?.target.join(" ")}`)).toEqual([]);
    await context.close();
  });
});
