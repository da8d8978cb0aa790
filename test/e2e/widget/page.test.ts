/** The widget and the page around it: what a site can set, what it is told, and that neither harms the other. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { complete } from "../../upstream/client.ts";
import { Stage } from "./stage.ts";
import { agent, arrive, eventually, Visitor, you } from "./visitor.ts";

const stage = Stage.setUp();

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Rules of WCAG 2.2 A and AA, and good practice, that the page breaks; shadow roots included. */
async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axe);
  const { violations: found } = await page.evaluate(() => (globalThis as any).axe.run({ resultTypes: ["violations"] }));
  return found.map((one: any) => `${one.id}: ${one.nodes.map((node: any) => node.target.join(" ")).join(", ")}`);
}

const LOOKS = {
  "a desktop": {},
  "a telephone": { viewport: { width: 375, height: 740 } },
  "a dark desktop": { colorScheme: "dark" as const },
};

describe.each(Object.entries(LOOKS))("axe finds nothing on %s", (_, screen) => {
  it.each([
    ["en", "#4338ca"],
    ["ar", "#facc15"],
  ])("in %s with %s", async (lang, color) => {
    const markdown =
      "# Title\n\nSome **bold** [link](https://a.example)\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```\ncode\n```\n\n- x";
    const form = await stage.agent({ lead_form: "required", greeting: "Hello!" }, complete([markdown]), [
      { status: 400 },
    ]);
    const context = await arrive(stage.browser, screen);
    const visitor = await Visitor.at(
      context,
      stage.page(form.id, { lang, color, "privacy-url": "https://a.example/privacy" }),
    );
    expect(await violations(visitor.page)).toEqual([]);
    await visitor.open();
    await visitor.panel.locator(".primary").click();
    expect(await violations(visitor.page)).toEqual([]);
    await visitor.panel.locator("#first_name").fill("Vera");
    await visitor.panel.locator("#email").fill("vera@v.example");
    await visitor.panel.locator("#consent").check();
    await visitor.panel.locator(".primary").click();
    await visitor.say("hello");
    await visitor.panel.locator(".thumb").first().click();
    await visitor.say("and now fail");
    await visitor.panel.locator(".retry").waitFor();
    expect(await violations(visitor.page)).toEqual([]);
    await context.close();
  });

  it("when nothing can be reached", async () => {
    const { id } = await stage.agent({ status: "inactive" });
    const context = await arrive(stage.browser, screen);
    const visitor = await (await Visitor.at(context, stage.page(id))).open();
    await visitor.panel.getByText("The chat cannot be reached right now.").waitFor();
    expect(await violations(visitor.page)).toEqual([]);
    await context.close();
  });
});

describe("by keyboard", () => {
  const focused = (page: Page) =>
    page.evaluate(() => {
      const { activeElement } = (globalThis as any).document;
      const inside = activeElement?.shadowRoot?.activeElement;
      return inside ? (inside.getAttribute("aria-label") ?? inside.id ?? inside.tagName) : activeElement?.tagName;
    });

  it("everything can be reached, and the focus is where it belongs", async () => {
    const { id } = await stage.agent();
    const context = await arrive(stage.browser);
    const visitor = await Visitor.at(context, stage.page(id));
    const { keyboard } = visitor.page;
    for (const expected of ["A", "BUTTON", "Open chat"]) {
      await keyboard.press("Tab");
      expect(await focused(visitor.page)).toBe(expected);
    }
    await keyboard.press("Enter");
    await eventually(() => focused(visitor.page)).toBe("Write a message…");
    await keyboard.type("one");
    await keyboard.press("Shift+Enter");
    await keyboard.type("two");
    await keyboard.press("Enter");
    await visitor.reads([you("one\ntwo"), agent("reply to: onetwo")]);
    expect(await focused(visitor.page)).toBe("Write a message…");
    await keyboard.press("Shift+Tab");
    expect(await focused(visitor.page)).toBe("Bad answer");
    await keyboard.press("Shift+Tab");
    await keyboard.press("Space");
    await eventually(() => visitor.button("Good answer").getAttribute("aria-pressed")).toBe("true");
    expect(await focused(visitor.page)).toBe("Good answer");
    await keyboard.press("Escape");
    await visitor.panel.waitFor({ state: "hidden" });
    await eventually(() => focused(visitor.page)).toBe("Open chat");
    await context.close();
  });

  it("the focus stays inside where the panel fills the screen", async () => {
    const { id } = await stage.agent();
    const context = await arrive(stage.browser, { viewport: { width: 375, height: 740 } });
    const visitor = await (await Visitor.at(context, stage.page(id))).open();
    await visitor.say("hello");
    await visitor.reads([you("hello"), agent("reply to: hello")]);
    // Once it has risen to its place.
    await eventually(() => visitor.panel.boundingBox()).toEqual({ x: 0, y: 0, width: 375, height: 740 });
    expect(await visitor.panel.getAttribute("aria-modal")).toBe("true");
    const passed = new Set<string>();
    for (let n = 0; n < 12; n++) {
      await visitor.page.keyboard.press("Tab");
      passed.add(await focused(visitor.page));
    }
    expect([...passed].toSorted()).toEqual(["Bad answer", "Close chat", "Good answer", "Messages", "Write a message…"]);
    await context.close();
  });
});

describe("who the visitor is", () => {
  it("is asked first where the agent needs to know", async () => {
    const { id } = await stage.agent({ lead_form: "required" });
    const context = await arrive(stage.browser);
    const url = stage.page(id, { "privacy-url": "https://a.example/privacy", source: "spring campaign" });
    const visitor = await (await Visitor.at(context, url)).open();
    await visitor.button("Start chat").click();
    expect(await visitor.panel.getByText("Please fill this in.").count()).toBe(3);
    await visitor.panel.getByLabel("First name").fill("Vera");
    await visitor.panel.getByLabel("E-mail").fill("nobody");
    await visitor.panel.getByLabel("I agree").check();
    await visitor.button("Start chat").click();
    await visitor.panel.getByText("Please enter an e-mail address.").waitFor();
    expect(await visitor.button("Skip").count()).toBe(0);
    await visitor.panel.getByLabel("E-mail").fill("vera@v.example");
    await visitor.panel.getByLabel("E-mail").press("Enter");
    await visitor.say("hello");
    await visitor.reads([you("hello"), agent("reply to: hello")]);
    const { leads } = await stage.api.call("GET", `/v1/lead/company?agent_id=${id}`);
    expect(leads).toHaveLength(1);
    expect(leads[0]).toMatchObject({ first_name: "Vera", email: "vera@v.example", source: "spring campaign" });
    expect(leads[0].consent_data_processing_at).not.toBeNull();
    await context.close();
  });

  it("need not be told where that is optional", async () => {
    const { id } = await stage.agent({ lead_form: "optional" });
    const context = await arrive(stage.browser);
    const visitor = await (await Visitor.at(context, stage.page(id))).open();
    await visitor.button("Skip").click();
    await visitor.say("hello");
    await visitor.reads([you("hello"), agent("reply to: hello")]);
    const { leads } = await stage.api.call("GET", `/v1/lead/company?agent_id=${id}`);
    expect(leads).toHaveLength(1);
    expect(leads[0]).toMatchObject({ first_name: null, email: null });
    await context.close();
  });

  it("makes no lead before the first message", async () => {
    const { id } = await stage.agent();
    const context = await arrive(stage.browser);
    const visitor = await (await Visitor.at(context, stage.page(id))).open();
    await visitor.input.waitFor();
    expect((await stage.api.call("GET", `/v1/lead/company?agent_id=${id}`)).leads).toEqual([]);
    await context.close();
  });

  it("is known to the site: the history comes along, to every device", async () => {
    const { id } = await stage.agent();
    const url = stage.page(id);
    const mint = async () => {
      const body = { entity_type: "lead", external_id: `customer of ${id}`, expires_in: 30 };
      return (await stage.api.call("POST", "/v1/auth/token", body)).access_token as string;
    };
    const identify = async (visitor: Visitor) => {
      await visitor.page.exposeFunction("mint", mint);
      await visitor.page.evaluate(() => (globalThis as any).Conversations.identify((globalThis as any).mint));
    };
    const laptop = await arrive(stage.browser);
    const one = await (await Visitor.at(laptop, url)).open();
    await one.say("before signing in");
    await one.reads([you("before signing in"), agent("reply to: before signing in")]);
    await identify(one);
    await one.reads([you("before signing in"), agent("reply to: before signing in")]);
    await one.say("after");
    const all = [
      you("before signing in"),
      agent("reply to: before signing in"),
      you("after"),
      agent("reply to: after"),
    ];
    await one.reads(all);
    expect(await one.session()).toBeNull();

    const telephone = await arrive(stage.browser, { viewport: { width: 375, height: 740 } });
    const two = await Visitor.at(telephone, url);
    await identify(two);
    await two.open();
    await two.reads(all);
    await two.page.evaluate(() => (globalThis as any).Conversations.identify(null));
    await two.reads([]);
    await two.say("somebody else");
    await two.reads([you("somebody else"), agent("reply to: somebody else")]);
    await one.reads(all);
    await Promise.all([laptop.close(), telephone.close()]);
  });
});

describe("a site", () => {
  it("opens, closes and listens, also before the script has come", async () => {
    const { id } = await stage.agent();
    const head = `<script>
      window.heard = [];
      window.Conversations = [];
      for (const name of ["ready", "open", "close", "message", "registered"]) {
        Conversations.push(["on", name, (detail) => heard.push([name, detail.role])]);
      }
      Conversations.push(["open"]);
    </script>`;
    const context = await arrive(stage.browser);
    const visitor = await Visitor.at(context, stage.page(id, {}, head));
    await visitor.say("hello");
    await visitor.reads([you("hello"), agent("reply to: hello")]);
    const run = (method: string) => visitor.page.evaluate((name) => (globalThis as any).Conversations[name](), method);
    await run("toggle");
    await visitor.panel.waitFor({ state: "hidden" });
    await run("toggle");
    await visitor.panel.waitFor();
    await run("close");
    await run("close");
    const heard = await visitor.page.evaluate(() =>
      (globalThis as any).heard.map((entry: unknown[]) => entry.filter(Boolean).join(" ")),
    );
    expect(heard).toEqual(["ready", "open", "registered", "message assistant", "close", "open", "close"]);
    await context.close();
  });

  it("shows how many answers came while the chat was closed", async () => {
    const { id } = await stage.agent({}, [{ text: "Late" }, { gate: "late" }, { finish: "stop" }]);
    const context = await arrive(stage.browser);
    const visitor = await (await Visitor.at(context, stage.page(id))).open();
    await visitor.say("take your time");
    await visitor.reads([you("take your time"), agent("Late", "streaming")]);
    await visitor.button("Close chat").click();
    await stage.models.openGate("late");
    await visitor.widget.getByRole("button", { name: "Open chat, 1 new" }).click();
    await visitor.reads([you("take your time"), agent("Late")]);
    expect(await visitor.launcher.getAttribute("aria-label")).toBe("Close chat");
    await context.close();
  });

  it.each([
    ["de", "ltr", "Nachricht schreiben …"],
    ["fr-CA", "ltr", "Écrivez un message…"],
    ["es", "ltr", "Escribe un mensaje…"],
    ["ar", "rtl", "اكتب رسالة…"],
    ["tlh", "ltr", "Write a message…"],
  ])("speaks %s (%s)", async (lang, dir, placeholder) => {
    const { id } = await stage.agent();
    const context = await arrive(stage.browser);
    const visitor = await (await Visitor.at(context, stage.page(id, { lang }))).open();
    await visitor.input.waitFor();
    expect(await visitor.input.getAttribute("placeholder")).toBe(placeholder);
    const box = await visitor.launcher.boundingBox();
    expect((box?.x ?? 0) < 600).toBe(dir === "rtl");
    await context.close();
  });

  it("sets colour, side, title and greeting", async () => {
    const { id } = await stage.agent({ greeting: "not this" });
    const data = {
      color: "#facc15",
      position: "start",
      title: "Ask Fern",
      greeting: "Good morning",
      theme: "dark",
      open: "true",
    };
    const context = await arrive(stage.browser);
    const visitor = await Visitor.at(context, stage.page(id, data));
    await visitor.panel.getByText("Good morning").waitFor();
    expect(await visitor.panel.getAttribute("aria-label")).toBe("Chat with Ask Fern");
    expect((await visitor.launcher.boundingBox())?.x).toBeLessThan(100);
    const style = await visitor.launcher.evaluate((el) => {
      const { backgroundColor, color } = (globalThis as any).getComputedStyle(el);
      return [backgroundColor, color];
    });
    expect(style).toEqual(["rgb(250, 204, 21)", "rgb(16, 17, 20)"]);
    // A telephone has no sides.
    await visitor.page.setViewportSize({ width: 390, height: 700 });
    await eventually(async () => (await visitor.panel.boundingBox())?.width).toBe(390);
    await context.close();
  });

  it("moves nothing for those who asked for that", async () => {
    const { id } = await stage.agent();
    const context = await arrive(stage.browser, { reducedMotion: "reduce" });
    const visitor = await (await Visitor.at(context, stage.page(id))).open();
    expect(await visitor.panel.evaluate((el) => (globalThis as any).getComputedStyle(el).animationName)).toBe("none");
    await context.close();
  });

  it("is left as it was, whatever its own styles and names are", async () => {
    const { id } = await stage.agent();
    const head = `<script>window.before = Object.keys(window); window.Conversations = "ours";</script>
      <style>* { font: 40px serif; color: red } button, textarea, section, div { display: inline; background: red; padding: 50px }
      conversations-widget { display: none; position: static; font-size: 99px }</style>`;
    const context = await arrive(stage.browser);
    const visitor = await Visitor.at(context, stage.page(id, {}, head));
    const look = () =>
      visitor.page.evaluate(() => {
        const { document, getComputedStyle } = globalThis as any;
        return [...document.querySelectorAll("body, body :not(conversations-widget)")].map((el: any) => {
          const { font, color, padding, margin, overflow } = getComputedStyle(el);
          return [el.tagName, font, color, padding, margin, overflow, el.getAttribute("style"), el.className];
        });
      });
    const before = await look();
    await visitor.open();
    await visitor.say("hello");
    await visitor.reads([you("hello"), agent("reply to: hello")]);
    expect(await look()).toEqual(before);
    await visitor.page.mouse.move(0, 0);
    await eventually(() => visitor.launcher.boundingBox()).toMatchObject({ width: 58, height: 58 });
    expect((await visitor.panel.boundingBox())?.width).toBe(400);
    const added = await visitor.page.evaluate(() => {
      const page = globalThis as any;
      return [
        Object.keys(page)
          .filter((name) => !page.before.includes(name))
          .toSorted(),
        page.Conversations,
      ];
    });
    expect(added).toEqual([["Conversations", "before"], "ours"]);
    await visitor.page.evaluate(() => (globalThis as any).document.querySelector("conversations-widget").close());
    await visitor.panel.waitFor({ state: "hidden" });
    await context.close();
  });
});

describe("nothing that anybody writes", () => {
  const PAYLOADS = [
    "<img src=x onerror=alert(1)><script>alert(1)</script><svg onload=alert(1)>",
    "![pixel](/stray.png) ![](https://evil.example/p.png) <img src=/stray-2.png>",
    "[a](javascript:alert(1)) [b](JaVaScRiPt:alert(1)) [c](java\nscript:alert(1)) [d](data:text/html,<script>alert(1)</script>) [e](vbscript:x) [f](&#106;avascript:alert(1)) [g](\x01javascript:alert(1))",
    "[ok](https://ok.example/path?a=1&b=2) <https://auto.example> https://bare.example mailto:x@y.example",
    '<a href="javascript:alert(1)">x</a><iframe src="/stray-frame"></iframe><style>*{display:none}</style><form action=/stray>',
    "`<b>` **<i onmouseover=alert(1)>bold</i>** ~~<u>~~\n\n> <script>alert(1)</script>\n\n```html\n<script>alert(1)</script>\n```",
    `${"> ".repeat(400)}deep ${"- ".repeat(400)}deep ${"[".repeat(3000)}${"*".repeat(3000)}`,
    "| <img src=/stray-3.png> | b |\n|---|---|\n| <script>alert(1)</script> | [x](javascript:alert(1)) |",
    '"><script>alert(1)</script> {{constructor.constructor("alert(1)")()}} ${alert(1)} </textarea><script>alert(1)</script>',
    "\u202eabc\u202c \u0000 \ufeff \u{1f469}\u200d\u{1f680} <script\u0000>alert(1)</script>",
  ];

  it("runs, is fetched or escapes from its place", async () => {
    const evil = '<img src=/stray-name.png onerror="window.ran=1"><script>window.ran=1</script>';
    const { id } = await stage.agent(
      { name: evil, greeting: PAYLOADS.slice(0, 4).join("\n\n") },
      ...PAYLOADS.map((text) => complete([text])),
    );
    const context = await arrive(stage.browser);
    const asked: string[] = [];
    context.on("request", (request) => asked.push(request.url()));
    const visitor = await Visitor.at(
      context,
      stage.page(id, { title: evil }, "<script>window.alert=()=>{window.ran=1}</script>"),
    );
    stage.host.strays.length = 0;
    await visitor.open();
    for (const [n, payload] of PAYLOADS.entries()) {
      const said = payload.replaceAll("\u0000", "");
      await visitor.input.fill(said);
      await visitor.button("Send").click();
      await expect
        .poll(async () => (await visitor.messages()).filter(({ state }) => state === "done").length)
        .toBe(2 * n + 2);
      expect((await visitor.messages())[2 * n]?.text.replaceAll("\r\n", "\n")).toBe(said);
    }
    const found = await visitor.widget.evaluate((element: any) => {
      const all = [...element.shadowRoot.querySelectorAll("*")];
      return {
        names: [...new Set(all.map((one: any) => one.localName))],
        handlers: all.flatMap((one: any) => one.getAttributeNames().filter((name: string) => name.startsWith("on"))),
        links: all
          .filter((one: any) => one.localName === "a")
          .map((one: any) => [one.getAttribute("href"), one.target, one.rel]),
        ran: (globalThis as any).ran ?? null,
      };
    });
    for (const name of ["img", "script", "iframe", "style", "object", "embed", "link", "base", "meta"]) {
      expect(found.names).not.toContain(name);
    }
    expect(found.handlers).toEqual([]);
    expect(found.ran).toBeNull();
    expect(found.links.length).toBeGreaterThan(8);
    for (const [href, target, rel] of found.links) {
      expect(href).toMatch(/^(https?|mailto):/);
      expect([target, rel]).toEqual(["_blank", "noopener noreferrer"]);
    }
    const hrefs = found.links.map(([href]: string[]) => href);
    expect(hrefs).toContain("https://ok.example/path?a=1&b=2");
    expect(hrefs).toContain("https://auto.example/");
    expect(stage.host.strays).toEqual([]);
    expect(asked.filter((url) => !url.startsWith(stage.api.url) && !url.startsWith(stage.host.origin))).toEqual([]);
    expect(visitor.complaints).toEqual([]);
    await context.close();
  });

  it("asks a page for more than its address in the strictest policy", async () => {
    const { id } = await stage.agent({ greeting: "Hello", lead_form: "optional" });
    const { content_security_policy: needs, html } = await stage.api.call("GET", `/v1/agent/${id}/embed-code`);
    const policy = `default-src 'none'; script-src ${needs["script-src"]}; connect-src ${needs["connect-src"]}; require-trusted-types-for 'script'; trusted-types 'none'`;
    const context = await arrive(stage.browser);
    const page = `<!doctype html><html lang="en"><title>x</title><link rel="icon" href="data:,"><h1>x</h1>${html}`;
    const url = stage.host.page({ html: page, headers: { "content-security-policy": `${policy}; img-src data:` } });
    const visitor = await (await Visitor.at(context, url)).open();
    await visitor.button("Skip").click();
    await visitor.say("hello");
    await visitor.reads([you("hello"), agent("reply to: hello")]);
    expect(await visitor.panel.evaluate((el) => (globalThis as any).getComputedStyle(el).borderRadius)).toBe("20px");
    expect(visitor.complaints).toEqual([]);
    await context.close();
  });
});

describe("the service", () => {
  it("gives the script to every website, to keep for a while", async () => {
    const response = await fetch(`${stage.api.url}/widget.js`, { headers: { origin: "https://any.example" } });
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toMatch(/javascript/);
    expect(response.headers.get("cache-control")).toContain("public");
    expect(response.headers.get("cross-origin-resource-policy")).toBe("cross-origin");
    const etag = response.headers.get("etag") ?? "";
    expect((await fetch(`${stage.api.url}/widget.js`, { headers: { "if-none-match": etag } })).status).toBe(304);
  });

  it("shows the widget on a page of its own", async () => {
    const { id } = await stage.agent({ greeting: "Hello from the demo" });
    const context = await arrive(stage.browser);
    const visitor = await (await Visitor.at(context, `${stage.api.url}/demo?agent=${id}`)).open();
    await visitor.panel.getByText("Hello from the demo").waitFor();
    await visitor.say("hello");
    await visitor.reads([you("hello"), agent("reply to: hello")]);
    expect(visitor.complaints).toEqual([]);
    expect(await violations(visitor.page)).toEqual([]);
    const byDefault = await (await fetch(`${stage.api.url}/demo`)).text();
    expect(byDefault).toMatch(/data-agent-id="[0-9a-f-]{36}"/);
    const without = await (await fetch(`${stage.api.url}/demo?agent=nonsense`)).text();
    expect(without).not.toContain("widget.js");
    expect(without).toContain("No agent is set");
    await context.close();
  });
});
