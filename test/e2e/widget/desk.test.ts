/** People of the company in the chat, and tokens that are good once: the widget against a server that speaks the contract. */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { startBrowser } from "./browser.ts";
import { Desk } from "./desk.ts";
import { type Host, pageWith, startHost } from "./host.ts";
import { agent, arrive, eventually, Visitor, you } from "./visitor.ts";

let browser: Browser;
let host: Host;
let desk: Desk;
let url: string;

beforeAll(async () => {
  browser = await startBrowser();
  host = await startHost();
}, 60_000);
afterAll(async () => {
  await browser.close();
  await host.close();
});
beforeEach(async () => {
  desk = await new Desk().start();
  url = host.page({ html: pageWith(`${desk.url}/widget.js`, { "agent-id": "a1" }) });
  return () => desk.stop();
});

describe("people at the desk", () => {
  it("answer live, by name", async () => {
    const context = await arrive(browser);
    const visitor = await (await Visitor.at(context, url)).open();
    await visitor.say("hello");
    await visitor.reads([you("hello"), agent("echo: hello")]);
    await visitor.panel.getByText("AI assistant").waitFor();
    desk.takeOver("Vera");
    await visitor.say("a person, please");
    await visitor.reads([you("hello"), agent("echo: hello"), you("a person, please")]);
    await visitor.panel.getByText("Somebody from our team will answer.").waitFor();
    expect(await visitor.panel.locator(".problem").count()).toBe(0);
    desk.writes("Vera");
    await visitor.panel.getByText("Vera is writing…").waitFor();
    desk.says("Vera", "I am **here**.");
    await visitor.panel.getByText("Vera is writing…").waitFor({ state: "hidden" });
    desk.says("Vera", "What is it?");
    const all = [
      you("hello"),
      agent("echo: hello"),
      you("a person, please"),
      agent("I am here."),
      agent("What is it?"),
    ];
    await visitor.reads(all);
    await visitor.panel.getByText("With Vera", { exact: true }).waitFor();
    expect(await visitor.panel.locator(".author:visible").allTextContents()).toEqual(["Vera"]);
    expect(await visitor.panel.getByRole("button", { name: "Good answer" }).count()).toBe(1);
    await eventually(() => visitor.panel.getByRole("status").last().textContent()).toBe("Vera: What is it?");
    await eventually(() => desk.seen.filter((one) => one.startsWith("POST /read")).at(-1)).toBe("POST /read 5");
    expect(visitor.complaints).toEqual([]);
    desk.breakOff();
    desk.says("Ben", "And I am Ben.");
    await visitor.reads([...all, agent("And I am Ben.")]);
    await visitor.page.reload();
    await visitor.open();
    await visitor.reads([...all, agent("And I am Ben.")]);
    expect(await visitor.panel.locator(".author:visible").allTextContents()).toEqual(["Vera", "Ben"]);
    desk.giveBack();
    await visitor.say("thanks");
    await visitor.sees("echo: thanks");
    await visitor.panel.getByText("AI assistant").waitFor();
    await context.close();
  });

  it("are heard while the chat is closed, and on the next page", async () => {
    const context = await arrive(browser);
    const visitor = await (await Visitor.at(context, url)).open();
    desk.takeOver("Vera");
    await visitor.say("anybody?");
    await visitor.reads([you("anybody?")]);
    await visitor.button("Close chat").click();
    await eventually(() => desk.readers).toBe(1);
    desk.says("Vera", "Yes.");
    await visitor.widget.getByRole("button", { name: "Open chat, 1 new" }).waitFor();
    desk.handling["unread"] = { lead: 1, staff: 0 };
    await visitor.page.reload();
    await visitor.widget.getByRole("button", { name: "Open chat, 1 new" }).waitFor();
    desk.says("Vera", "Still there?");
    await visitor.widget.getByRole("button", { name: "Open chat, 2 new" }).click();
    await visitor.reads([you("anybody?"), agent("Yes."), agent("Still there?")]);
    await eventually(() => desk.seen.at(-1)).toBe("POST /read 3");
    await context.close();
  });

  it("are waited for once the agent has called them", async () => {
    const context = await arrive(browser);
    const visitor = await (await Visitor.at(context, url)).open();
    await visitor.say("hello");
    await visitor.reads([you("hello"), agent("echo: hello")]);
    desk.handling["waiting_since"] = new Date().toISOString();
    desk.seen = [];
    await visitor.button("Close chat").click();
    await eventually(() => desk.seen).toContain("GET /messages/stream");
    await eventually(() => desk.readers).toBe(1);
    desk.says("Vera", "How can I help?");
    await visitor.widget.getByRole("button", { name: "Open chat, 1 new" }).waitFor();
    await context.close();
  });

  it("cost nothing where there are none", async () => {
    const context = await arrive(browser);
    const visitor = await (await Visitor.at(context, url)).open();
    await visitor.say("hello");
    await visitor.reads([you("hello"), agent("echo: hello")]);
    await visitor.button("Close chat").click();
    await eventually(() => desk.readers).toBe(0);
    desk.seen = [];
    await visitor.page.reload();
    await visitor.launcher.waitFor();
    await visitor.page.waitForLoadState("networkidle");
    expect(desk.seen).toEqual([]);
    await context.close();
  });

  it("may leave an answer without a stream, in two tabs", async () => {
    desk.answersWhole = true;
    const context = await arrive(browser);
    const one = await (await Visitor.at(context, url)).open();
    await one.say("whole?");
    await one.reads([you("whole?")]);
    await one.panel.getByText("Somebody from our team will answer.").waitFor();
    desk.answersWhole = false;
    desk.takeOver("Vera");
    const two = await (await Visitor.at(context, url)).open();
    await two.reads([you("whole?")]);
    await one.say("and to the other tab");
    desk.says("Vera", "To both.");
    for (const tab of [one, two]) await tab.reads([you("whole?"), you("and to the other tab"), agent("To both.")]);
    await context.close();
  });
});

describe("refresh tokens that are good once", () => {
  it("are renewed by one of two tabs at a time", async () => {
    desk.expires_in = 1;
    const context = await arrive(browser);
    const one = await (await Visitor.at(context, url)).open();
    await one.say("0");
    await one.sees("echo: 0");
    const two = await (await Visitor.at(context, url)).open();
    await two.sees("echo: 0");
    let n = 0;
    while (desk.seen.filter((one_) => one_ === "POST /lead/refresh").length < 5) {
      n++;
      await Promise.all([one.say(`one ${n}`), two.say(`two ${n}`)]);
    }
    for (const tab of [one, two]) for (const text of [`echo: one ${n}`, `echo: two ${n}`]) await tab.sees(text);
    expect(desk.reused).toBe(0);
    expect(desk.seen.filter((one_) => one_ === "POST /lead/register")).toHaveLength(1);
    await context.close();
  });

  it("are not lost where tabs cannot wait for each other", async () => {
    const context = await arrive(browser);
    await context.addInitScript(() => Object.defineProperty(navigator, "locks", { value: undefined }));
    const one = await (await Visitor.at(context, url)).open();
    await one.say("hello");
    await one.sees("echo: hello");
    const two = await (await Visitor.at(context, url)).open();
    await two.sees("echo: hello");
    let open = () => {};
    desk.gate = new Promise((resolve) => (open = resolve));
    const expire = `for (const [key, text] of Object.entries(localStorage)) if (key.endsWith(":session")) {
      localStorage.setItem(key, JSON.stringify({ ...JSON.parse(text), expires_at: 0 }));
      dispatchEvent(new StorageEvent("storage", { key }));
    }`;
    await one.page.evaluate(expire);
    await two.page.evaluate(expire);
    await one.say("first");
    await eventually(() => desk.seen.filter((one_) => one_ === "POST /lead/refresh").length).toBe(1);
    await two.say("second");
    await eventually(() => desk.reused).toBe(1);
    open();
    for (const tab of [one, two]) for (const text of ["echo: first", "echo: second"]) await tab.sees(text);
    expect(await two.session()).toEqual(await one.session());
    await context.close();
  });

  it("of an answer without one stay as they are", async () => {
    const context = await arrive(browser);
    const visitor = await (await Visitor.at(context, url)).open();
    await visitor.page.route("**/lead/refresh", (route) =>
      route.fulfill({
        json: { access_token: "next", expires_in: 3600 },
        headers: { "access-control-allow-origin": "*" },
      }),
    );
    desk.expires_in = 1;
    await visitor.say("hello");
    await visitor.sees("echo: hello");
    expect(await visitor.session()).toMatchObject({ access_token: "next", refresh_token: "refresh-1" });
    await context.close();
  });
});
