/** A thousand conversations, every look and every language: what stays quick, and what everybody can use. */
import { beforeAll, describe, expect, it } from "vitest";
import { Stage } from "../widget/stage.ts";
import { eventually } from "../widget/visitor.ts";
import { Staff, tokenOf, violations } from "./staff.ts";

const stage = Stage.setUp();
const MANY = 1000;
/** Milliseconds for which a page on a busy machine may not answer. */
const JANK = 400;
let token = "";
let agent = "";

beforeAll(async () => {
  token = await tokenOf(stage.api, "Ada", "admin");
  agent = (await stage.agent({ auto_title: false, knowledge: [{ question: "a", answer: "b" }] })).id;
  const one = async (n: number) => {
    const title = `Conversation ${String(n).padStart(4, "0")}`;
    await stage.api.call("POST", "/v1/conversation", { agent_id: agent, title });
  };
  for (let n = 0; n < MANY; n += 10) await Promise.all(Array.from({ length: 10 }, (_, i) => one(n + i)));
}, 240_000);

describe("a thousand conversations", () => {
  it("are scrolled through to the last without a stutter, with few rows in the page", async () => {
    const staff = await Staff.signedIn(stage.browser, stage.api, token);
    await staff.row(/Conversation 0999/).waitFor();
    await staff.page.evaluate(() => {
      const { PerformanceObserver } = globalThis as any;
      const page = globalThis as any;
      page.longest = 0;
      new PerformanceObserver((list: any) => {
        for (const { duration } of list.getEntries()) page.longest = Math.max(page.longest, duration);
      }).observe({ entryTypes: ["longtask"] });
    });
    const frame = staff.page.locator(".inbox-scroll");
    await eventually(async () => {
      await frame.evaluate((box: any) => box.scrollTo(0, box.scrollHeight));
      return staff.row(/Conversation 0000/).count();
    }).toBe(1);
    expect(await staff.page.locator(".inbox-item").count()).toBeLessThan(60);
    expect(await staff.page.locator(".inbox-item").last().getAttribute("aria-setsize")).toBe(String(MANY));
    expect(await staff.page.evaluate(() => (globalThis as any).longest)).toBeLessThan(JANK);
    await staff.row(/Conversation 0000/).click();
    await staff.page.getByRole("heading", { name: "Conversation 0000" }).waitFor();
    // A new one comes in above, and the reader stays where they are.
    const top = await frame.evaluate((box: any) => box.scrollTop);
    await stage.api.call("POST", "/v1/conversation", { agent_id: agent, title: "Brand new" });
    await eventually(() => staff.page.locator(".inbox-item").last().getAttribute("aria-setsize")).toBe(
      String(MANY + 1),
    );
    expect(await frame.evaluate((box: any) => box.scrollTop)).toBeGreaterThan(top - 100);
    const place = Number(await staff.page.locator(".inbox-item:has([aria-current])").getAttribute("aria-posinset"));
    const above = staff.page.locator(`.inbox-item[aria-posinset="${place - 1}"] .inbox-row-title`);
    const title = (await above.textContent()) ?? "";
    await staff.page.keyboard.press("k");
    await staff.page.locator(".conversation-title").getByText(title).waitFor();
    expect(staff.complaints).toEqual([]);
    await staff.close();
  });
});

const LOOKS = {
  "a desktop": {},
  "a dark desktop": { colorScheme: "dark" as const },
  "a telephone": { viewport: { width: 375, height: 740 } },
};
const SECTIONS = [
  "keys",
  "providers",
  "budgets",
  "issuers",
  "webhooks",
  "users",
  "audit",
  "erasures",
  "company",
  "deleted",
];

describe.each(Object.entries(LOOKS))("axe finds nothing on %s", (_, look) => {
  it("on any page, in a conversation, in dialogs and menus", async () => {
    const { conversation } = await stage.api.call("POST", "/v1/conversation", { agent_id: agent, title: "Looked at" });
    const path = `/v1/conversation/${conversation.id}`;
    await stage.api.call("POST", `${path}/chat`, { message: "hello" });
    await stage.api.call("POST", `${path}/reply`, {
      message: "# Hello\n\n- a\n- b\n\n`code` and [a link](https://a.example)",
    });
    await stage.api.call("POST", `${path}/chat`, { message: "gone" });
    const { messages } = await stage.api.call("GET", `${path}/messages`);
    await stage.api.call("DELETE", `/v1/message/${messages.at(-1).id}`);
    const staff = await Staff.at(stage.browser, stage.api, look);
    expect(await violations(staff.page)).toEqual([]);
    await staff.signIn(token);
    const { page } = staff;
    const pages = [
      "/inbox",
      `/agents`,
      `/agents/${agent}`,
      "/leads",
      "/figures",
      ...SECTIONS.map((name) => `/settings/${name}`),
    ];
    for (const address of pages) {
      await page.goto(`${stage.api.url}/console${address}`);
      await page.getByRole("heading", { level: 1 }).first().waitFor();
      await page.locator(".skeleton").first().waitFor({ state: "detached" });
      expect(await violations(page), address).toEqual([]);
      expect(
        await page.evaluate(
          () => (globalThis as any).document.documentElement.scrollWidth <= (globalThis as any).innerWidth,
        ),
        address,
      ).toBe(true);
    }
    await page.goto(`${stage.api.url}/console/inbox/${conversation.id}`);
    await staff.log.locator(".message.deleted").waitFor();
    expect(await violations(page)).toEqual([]);
    await staff.button("More").first().click();
    await page.getByRole("menuitem", { name: "Rename" }).waitFor();
    expect(await violations(page)).toEqual([]);
    await page.getByRole("menuitem", { name: "Rename" }).click();
    await page.getByRole("dialog").waitFor();
    expect(await violations(page)).toEqual([]);
    await page.keyboard.press("Escape");
    await page.keyboard.press("Control+k");
    await page.getByRole("dialog", { name: "Commands" }).waitFor();
    expect(await violations(page)).toEqual([]);
    await staff.close();
  });
});

describe("a telephone", () => {
  it("shows one thing at a time, and goes back", async () => {
    const staff = await Staff.signedIn(stage.browser, stage.api, token, LOOKS["a telephone"]);
    await staff
      .row(/Conversation/)
      .first()
      .click();
    await staff.page.locator(".inbox-side").waitFor({ state: "hidden" });
    await staff.composer.waitFor();
    const { x = 0, width = 0 } = (await staff.button("Send").boundingBox()) ?? {};
    expect(x + width).toBeLessThanOrEqual(staff.page.viewportSize()?.width ?? 0);
    await staff.page.getByRole("link", { name: "Back to the list" }).click();
    await staff.page.locator(".inbox-side").waitFor();
    await staff.page.goto(`${stage.api.url}/console/settings/erasures`);
    await staff.page.getByRole("heading", { name: "Erasures", level: 1 }).waitFor();
    const sections = await staff.page.getByRole("navigation", { name: "Settings" }).boundingBox();
    expect(sections?.height).toBeLessThan(80);
    await staff.page.setViewportSize({ width: 320, height: 640 });
    expect(await staff.page.locator(".rail").evaluate((rail) => rail.scrollWidth - rail.clientWidth)).toBe(0);
    await staff.close();
  });
});

describe("the keyboard", () => {
  it("opens every command, goes to pages, finds and opens", async () => {
    const staff = await Staff.signedIn(stage.browser, stage.api, token);
    const { page } = staff;
    const palette = async () => {
      await page.keyboard.press("Control+k");
      await page.getByRole("dialog", { name: "Commands" }).waitFor();
    };
    await staff
      .row(/Conversation/)
      .first()
      .waitFor();
    await page.keyboard.press("j");
    await staff.log.waitFor();
    await page.keyboard.press("g");
    await page.keyboard.press("f");
    await page.getByRole("heading", { name: "Figures", level: 1 }).waitFor();
    await palette();
    await page.keyboard.type("audit");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Audit trail", level: 1 }).waitFor();
    await palette();
    await page.keyboard.type("find these words");
    await page.getByRole("option", { name: /Search messages for “find these words”/ }).waitFor();
    await page.keyboard.press("Enter");
    await page.getByText("Nobody has said “find these words”").waitFor();
    await staff.close();
  });
});

describe("the language", () => {
  it.each([
    ["de", "ltr", "Eingang", "Einstellungen"],
    ["fr", "ltr", "Boîte de réception", "Réglages"],
    ["es", "ltr", "Bandeja de entrada", "Ajustes"],
    ["ar", "rtl", "البريد الوارد", "الإعدادات"],
  ])("is %s (%s) where the browser says so, and stays the chosen one", async (lang, dir, inbox, settings) => {
    const staff = await Staff.at(stage.browser, stage.api, { locale: lang });
    await staff.page.evaluate((credential) => {
      (globalThis as any).sessionStorage.setItem("console:credential", credential);
    }, JSON.stringify({ token }));
    await staff.page.reload();
    await staff.page.getByRole("heading", { name: inbox, level: 1 }).waitFor();
    expect(
      await staff.page.evaluate(() => {
        const { lang: tag, dir: direction } = (globalThis as any).document.documentElement;
        return [tag, direction];
      }),
    ).toEqual([lang, dir]);
    expect(await violations(staff.page)).toEqual([]);
    await staff.page.getByRole("link", { name: settings }).click();
    await staff.page.locator(".section-list").waitFor();
    await staff.page.locator(".rail select").selectOption("en");
    await staff.page.getByRole("link", { name: "Settings" }).waitFor();
    await staff.page.reload();
    await staff.page.getByRole("link", { name: "Settings" }).waitFor();
    expect(staff.complaints).toEqual([]);
    await staff.close();
  });
});
