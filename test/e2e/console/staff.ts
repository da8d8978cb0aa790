/** Somebody of the staff in front of the console: what they see and do, by role and label. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Browser, BrowserContext, BrowserContextOptions, Locator, Page } from "playwright-core";
import { arrive, eventually } from "../widget/visitor.ts";
import type { Api } from "../widget/api.ts";

export type Said = { by: string; text: string };

/** A token of a user of that name; `admin` may do everything. */
export async function tokenOf(api: Api, name: string, role: "member" | "admin" = "member"): Promise<string> {
  const body = { entity_type: "user", external_id: `staff ${name}`, name, role };
  return (await api.call("POST", "/v1/auth/token", body)).access_token;
}

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** What axe finds wrong with the page as it is. */
export async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axe);
  const { violations: found } = await page.evaluate(() => (globalThis as any).axe.run({ resultTypes: ["violations"] }));
  return found.map((one: any) => `${one.id}: ${one.nodes.map((node: any) => node.target.join(" ")).join(", ")}`);
}

export class Staff {
  readonly context: BrowserContext;
  readonly page: Page;
  /** Errors and refusals that the browser reports. */
  readonly complaints: string[] = [];
  /** Requests that went anywhere but to the service, and answers of 403. */
  readonly strays: string[] = [];
  readonly refused: string[] = [];

  private constructor(context: BrowserContext, page: Page, origin: string) {
    this.context = context;
    this.page = page;
    page.on("pageerror", (error) => this.complaints.push(error.message));
    page.on("console", (message) => {
      if (message.type() === "error") this.complaints.push(message.text());
    });
    page.on("request", (request) => {
      if (!request.url().startsWith(origin) && !request.url().startsWith("blob:") && !request.url().startsWith("data:"))
        this.strays.push(request.url());
    });
    page.on("response", (response) => {
      if (response.status() === 403) this.refused.push(response.url());
    });
  }

  static async at(browser: Browser, api: Api, options: BrowserContextOptions = {}): Promise<Staff> {
    const context = await arrive(browser, { viewport: { width: 1440, height: 900 }, ...options });
    const staff = new Staff(context, await context.newPage(), api.url);
    await staff.page.goto(`${api.url}/console`);
    return staff;
  }

  /** Signed in with a token, in the inbox. */
  static async signedIn(
    browser: Browser,
    api: Api,
    token: string,
    options: BrowserContextOptions = {},
  ): Promise<Staff> {
    const staff = await Staff.at(browser, api, options);
    await staff.signIn(token);
    return staff;
  }

  async signIn(token: string): Promise<void> {
    await this.page.getByRole("tab", { name: "Token" }).click();
    await this.page.getByRole("textbox", { name: "Token" }).fill(token);
    await this.button("Sign in").click();
    await this.page.getByRole("heading", { name: "Inbox", level: 1 }).waitFor();
  }

  button(name: string | RegExp): Locator {
    return this.page.getByRole("button", { name, exact: typeof name === "string" });
  }

  /** Chooses in a menu that a button opens. */
  async choose(button: string | RegExp, item: string): Promise<void> {
    await this.button(button).first().click();
    await this.page.getByRole("menuitem", { name: item, exact: true }).click();
  }

  row(title: string | RegExp): Locator {
    return this.page.locator(".inbox-list").getByRole("link", { name: title });
  }

  async open(id: string): Promise<void> {
    await this.page.evaluate((path) => {
      const { history, dispatchEvent, PopStateEvent } = globalThis as any;
      history.pushState(null, "", path);
      dispatchEvent(new PopStateEvent("popstate"));
    }, `/console/inbox/${id}`);
    await this.page.getByRole("log", { name: "Messages" }).waitFor();
  }

  get log(): Locator {
    return this.page.getByRole("log", { name: "Messages" });
  }
  get composer(): Locator {
    return this.page.locator("#composer");
  }

  /** `shown` is what stands in the transcript then. */
  async reply(text: string, shown = text): Promise<void> {
    await this.composer.fill(text);
    await this.composer.press("Enter");
    await this.sees(shown);
  }

  async sees(text: string | RegExp): Promise<void> {
    await this.log.getByRole("listitem").filter({ hasText: text }).first().waitFor();
  }

  /** Who said what, in order. */
  said(): Promise<Said[]> {
    return this.log.locator(".message:not(.live, .deleted)").evaluateAll((rows: any[]) =>
      rows.map((row) => ({
        by: row.querySelector(".message-who").textContent,
        text: row.querySelector(".bubble")?.textContent ?? "",
      })),
    );
  }

  async reads(expected: Said[]): Promise<void> {
    await eventually(() => this.said()).toEqual(expected);
  }

  close(): Promise<void> {
    return this.context.close();
  }
}
