/** `useChat` of three majors in a real browser, on a page of another origin, with a visitor's token. */
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { startBrowser } from "../e2e/widget/browser.ts";
import { type Host, startHost } from "../e2e/widget/host.ts";
import { buildPage } from "./page/build.ts";
import { api, complete, history, newAgent, newConversation, newToken, settled, spoken, up } from "./service.ts";

const PATIENCE = { timeout: 15_000 };

let browser: Browser;
let host: Host;
beforeAll(async () => {
  [browser, host] = await Promise.all([startBrowser(), startHost()]);
});
afterAll(async () => {
  await browser.close();
  await host.close();
});

describe.each([5, 6, 7])("@ai-sdk/react for ai %i", (major) => {
  let address: string;
  beforeAll(async () => {
    const script = host.page({ html: await buildPage(major), headers: { "content-type": "text/javascript" } });
    address = host.page({
      html: `<!doctype html><title>Chat</title><div id="root"></div><script type="module" src="${script}"></script>`,
    });
  });

  /** The page, on a new conversation with an agent whose model follows the scripts. */
  async function open(name: string, ...scripts: Parameters<typeof newAgent>[1] & object) {
    const model = `react${major}-${name}`;
    const agent = await newAgent(model, scripts, { allowed_origins: [host.origin] });
    const token = await newToken("lead");
    const id = await newConversation(agent, token);
    const page = await browser.newPage();
    onTestFinished(() => page.close());
    page.setDefaultTimeout(PATIENCE.timeout);
    const broken: string[] = [];
    page.on("pageerror", (error) => broken.push(error.message));
    await page.goto(`${address}#${new URLSearchParams({ api, token, id }).toString()}`);
    await status(page, "ready");
    return { page, id, model, broken };
  }

  async function status(page: Page, name: string) {
    await expect.poll(() => page.locator("#status").textContent(), PATIENCE).toBe(name);
  }

  /** Role and text of everything that the page shows. */
  const shown = (page: Page) =>
    page.locator("article").evaluateAll((all) => all.map((one) => [one.className, one.textContent]));
  async function shows(page: Page, wanted: string[][]) {
    await expect.poll(() => shown(page), PATIENCE).toEqual(wanted);
  }

  async function say(page: Page, text: string) {
    await page.locator("input").fill(text);
    await page.getByText("Send").click();
  }
  const press = (page: Page, name: string) => page.getByRole("button", { name, exact: true }).click();

  const idOfReply = (page: Page) => page.locator("article.assistant").last().getAttribute("id");

  it("shows an answer while it is said, under the id that it is stored with", async () => {
    const gate = `react${major}-says`;
    const { page, id, broken } = await open("says", [{ text: "Hello " }, { gate }, ...complete(["wörld 🙂"])]);
    await say(page, "hi");
    await shows(page, [
      ["user", "hi"],
      ["assistant", "Hello "],
    ]);
    await status(page, "streaming");
    await up.openGate(gate);
    await status(page, "ready");
    await shows(page, [
      ["user", "hi"],
      ["assistant", "Hello wörld 🙂"],
    ]);
    const [, reply] = await history(id);
    expect(await idOfReply(page)).toBe(reply?.id);
    await say(page, "again");
    await expect.poll(() => page.locator("article").count(), PATIENCE).toBe(4);
    await status(page, "ready");
    expect((await history(id)).map((m) => m.content)).toEqual(["hi", "Hello wörld 🙂", "again", "Hello wörld 🙂"]);
    expect(broken).toEqual([]);
  });

  it("goes on where it was after the page is loaded again in mid-answer", async () => {
    const gate = `react${major}-reload`;
    const { page, id, model } = await open("reload", [
      { text: "one " },
      { text: "two " },
      { gate },
      ...complete(["three"]),
    ]);
    await say(page, "count");
    await shows(page, [
      ["user", "count"],
      ["assistant", "one two "],
    ]);
    await page.reload();
    await shows(page, [
      ["user", "count"],
      ["assistant", "one two "],
    ]);
    await status(page, "streaming");
    await up.openGate(gate);
    await status(page, "ready");
    const [asked, reply] = await history(id);
    expect(reply?.content).toBe("one two three");
    await shows(page, [
      ["user", "count"],
      ["assistant", "one two three"],
    ]);
    expect(await idOfReply(page)).toBe(reply?.id);
    expect(await page.locator("article.user").getAttribute("id")).toBe(asked?.id);
    expect(await up.requests(model)).toHaveLength(1);
    await page.reload();
    await status(page, "ready");
    await shows(page, [
      ["user", "count"],
      ["assistant", "one two three"],
    ]);
  });

  it("stops", async () => {
    const { page, id, model } = await open("stop", [{ text: "so far" }, { gate: `react${major}-stop` }]);
    await say(page, "talk");
    await shows(page, [
      ["user", "talk"],
      ["assistant", "so far"],
    ]);
    await press(page, "Stop");
    await status(page, "ready");
    await up.waitForAbort(model);
    expect(await spoken(id)).toEqual([
      ["user", "complete", "talk"],
      ["assistant", "stopped", "so far"],
    ]);
    expect(await page.getByRole("alert").textContent()).toBe("");
  });

  it("leaves, and comes back to what is being said", async () => {
    const gate = `react${major}-leave`;
    const { page, id, model } = await open("leave", [{ text: "one " }, { gate }, ...complete(["two"])]);
    await say(page, "count");
    await shows(page, [
      ["user", "count"],
      ["assistant", "one "],
    ]);
    await press(page, "Leave");
    await status(page, "ready");
    await press(page, "Resume");
    await status(page, "streaming");
    await up.openGate(gate);
    await status(page, "ready");
    await shows(page, [
      ["user", "count"],
      ["assistant", "one two"],
    ]);
    await settled(id);
    expect(await up.requests(model)).toHaveLength(1);
  });

  it("regenerates", async () => {
    const { page, id } = await open("regenerate", complete(["first"]), complete(["second"]), complete(["third"]));
    await say(page, "say");
    await shows(page, [
      ["user", "say"],
      ["assistant", "first"],
    ]);
    await status(page, "ready");
    const former = await idOfReply(page);
    await press(page, "Regenerate");
    await shows(page, [
      ["user", "say"],
      ["assistant", "second"],
    ]);
    await status(page, "ready");
    expect(await idOfReply(page)).not.toBe(former);
    await page.reload();
    await status(page, "ready");
    await press(page, "Regenerate");
    await shows(page, [
      ["user", "say"],
      ["assistant", "third"],
    ]);
    await status(page, "ready");
    const live = await history(id);
    expect(live.map((m) => m.content)).toEqual(["say", "third"]);
    expect(await idOfReply(page)).toBe(live[1]?.id);
  });

  it("shows a failure, and tries again when it is told to", async () => {
    const { page, id } = await open("fails", [{ text: "half" }, { reset: true }], complete(["whole"]));
    await say(page, "try");
    await status(page, "error");
    expect(await page.getByRole("alert").textContent()).toMatch(/model/);
    await press(page, "Regenerate");
    await shows(page, [
      ["user", "try"],
      ["assistant", "whole"],
    ]);
    await status(page, "ready");
    expect((await history(id)).map((m) => m.content)).toEqual(["try", "whole"]);
  });
});
