/** A visitor in front of a page with the widget: what they see and do, by role and label wherever there is one. */
import type { Browser, BrowserContext, BrowserContextOptions, Locator, Page } from "playwright-core";
import { expect } from "vitest";
import type { Api } from "./api.ts";

export type Message = { role: "user" | "assistant"; text: string; state: string };

/** Milliseconds until something that was waited for counts as not happening. */
const PATIENCE = 15_000;

/** A browser of its own: storage and tokens are shared by its tabs only. */
export async function arrive(browser: Browser, options: BrowserContextOptions = {}): Promise<BrowserContext> {
  const context = await browser.newContext({ viewport: { width: 1200, height: 800 }, ...options });
  context.setDefaultTimeout(PATIENCE);
  return context;
}

/** Asks again and again until it is so, or nobody has the patience any more. */
export function eventually<T>(probe: () => T | Promise<T>) {
  return expect.poll(probe, { timeout: PATIENCE });
}

export class Visitor {
  readonly page: Page;
  readonly widget: Locator;
  /** Errors and refusals that the browser reports on this page. */
  readonly complaints: string[] = [];

  private constructor(page: Page) {
    this.page = page;
    this.widget = page.locator("conversations-widget");
    page.on("pageerror", (error) => this.complaints.push(error.message));
    page.on("console", (message) => {
      if (message.type() === "error") this.complaints.push(message.text());
    });
  }

  static async at(context: BrowserContext, url: string): Promise<Visitor> {
    const visitor = new Visitor(await context.newPage());
    await visitor.page.goto(url);
    await visitor.launcher.waitFor();
    return visitor;
  }

  get launcher(): Locator {
    return this.widget.locator(".launcher");
  }
  get panel(): Locator {
    return this.widget.getByRole("dialog");
  }
  get input(): Locator {
    return this.widget.locator("textarea");
  }
  button(name: string): Locator {
    return this.panel.getByRole("button", { name });
  }

  async open(): Promise<this> {
    await this.launcher.click();
    await this.panel.waitFor();
    return this;
  }

  /** Writes and sends; resolves when the message stands in the log. */
  async say(text: string): Promise<void> {
    await this.input.fill(text);
    await this.input.press("Enter");
    await this.sees(text);
  }

  /** A message that contains the text. */
  async sees(text: string): Promise<void> {
    await this.panel.getByRole("listitem").filter({ hasText: text }).first().waitFor();
  }

  /** What stands in the log, in order. */
  messages(): Promise<Message[]> {
    return this.widget.evaluate((element: any) =>
      [...element.shadowRoot.querySelectorAll(".list > li")].map((row: any) => ({
        role: row.classList.contains("user") ? ("user" as const) : ("assistant" as const),
        text: row.querySelector(".md, .plain")?.textContent ?? "",
        state: row.dataset["state"] ?? "",
      })),
    );
  }

  /** Resolves when the log is exactly this; text of a reply that is still coming included. */
  async reads(expected: (Omit<Message, "state"> & { state?: string })[]): Promise<void> {
    const wanted = expected.map((message) => ({ state: "done", ...message }));
    await eventually(() => this.messages()).toEqual(wanted);
  }

  /** What the browser keeps of the visitor. */
  session(): Promise<{ access_token: string; conversation_id: string; expires_at: number }> {
    return this.page.evaluate(() => {
      const key = Object.keys(localStorage).find(
        (name) => name.startsWith("conversations:") && name.endsWith(":session"),
      );
      return JSON.parse(localStorage.getItem(key ?? "") ?? "null");
    });
  }

  /** The messages as the API has them. */
  async stored(api: Api): Promise<{ id: string; role: string; content: string; status: string; feedback: unknown }[]> {
    const { conversation_id } = await this.session();
    return (await api.call("GET", `/v1/conversation/${conversation_id}/messages?per_page=100`)).messages;
  }
}

export const you = (text: string, state = "done") => ({ role: "user", text, state }) as const;
export const agent = (text: string, state = "done") => ({ role: "assistant", text, state }) as const;
