/** Websites as they are: scripts that are moved, pages that replace themselves, libraries that change what browsers have. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { root } from "../../../src/cli/tool/project.ts";
import { complete } from "../../upstream/client.ts";
import { Stage } from "./stage.ts";
import { agent, arrive, eventually, Visitor, you } from "./visitor.ts";

const stage = Stage.setUp();

/** A page without the widget's own line. */
const html = (head: string, body = "") =>
  `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>A website</title><link rel="icon" href="data:,">${head}</head><body><h1>A website</h1>${body}</body></html>`;
const line = (id: string) => `<script src="${stage.api.url}/widget.js" data-agent-id="${id}" async></script>`;
const put = (text: string) => stage.host.page({ html: text });
const run = (page: Page, code: string) => page.evaluate(`(async () => { ${code} })()`);

/** One question and its answer, and both of them again after a reload. */
async function chats(visitor: Visitor): Promise<void> {
  const all = [you("hello"), agent("reply to: hello")];
  await visitor.open();
  await visitor.say("hello");
  await visitor.reads(all);
  await visitor.page.reload();
  await visitor.open();
  await visitor.reads(all);
}

it("the page of docs/recipes.md opens the chat by a button of its own", async () => {
  const { id } = await stage.agent({ allowed_origins: [stage.host.origin] });
  const text = readFileSync(join(root, "examples/page.html"), "utf8");
  const context = await arrive(stage.browser);
  const address = put(text.replace("https://your-api.example", stage.api.url).replace("AGENT_ID", id));
  const visitor = await Visitor.at(context, address);
  await visitor.page.getByRole("button", { name: "Ask us" }).click();
  await visitor.panel.waitFor();
  await visitor.say("hello");
  await visitor.reads([you("hello"), agent("reply to: hello")]);
  await context.close();
});

describe("the script is found", () => {
  const ways: Record<string, (src: string, id: string) => string> = {
    "as a module": (src, id) => `<script type="module" src="${src}" data-agent-id="${id}"></script>`,
    "imported by a module of the page": (src, id) => `<script type="module">import "${src}?agent=${id}"</script>`,
    "imported later": (src, id) =>
      `<script>setTimeout(() => import("${src}?agent=${id}&color=%23aa0000"), 50)</script>`,
    "with its options in the address": (src, id) => `<script src="${src}?agent-id=${id}&lang=en" async></script>`,
    "put in by a loader that takes it out again": (src, id) =>
      `<script>{const s = document.createElement("script"); s.src = "${src}?agent=${id}"; s.onload = () => s.remove(); document.head.append(s);}</script>`,
    "evaluated by a loader": (src, id) =>
      `<script type="text/plain" data-src="x" src="${src}" data-agent-id="${id}"></script><script>fetch("${src}").then((r) => r.text()).then((code) => new Function(code)())</script>`,
    "where an image is called currentScript": (src, id) =>
      `<script>document.head.append(Object.assign(document.createElement("img"), { name: "currentScript" }))</script><script src="${src}" data-agent-id="${id}" async></script>`,
    "beside another script that has attributes of that kind": (src, id) =>
      `<script data-agent-id="other" src="data:text/javascript,"></script><script type="module" src="${src}" data-agent-id="${id}"></script>`,
  };

  it.each(Object.entries(ways))("%s", async (_, way) => {
    const { id } = await stage.agent();
    const context = await arrive(stage.browser);
    await chats(await Visitor.at(context, put(html(way(`${stage.api.url}/widget.js`, id)))));
    await context.close();
  });

  it.each([
    ["no agent", (src: string) => `<script src="${src}" async></script>`, "data-agent-id"],
    ["no agent, as a module", (src: string) => `<script type="module" src="${src}"></script>`, "data-agent-id"],
  ])("or says why not: %s", async (__, way, word) => {
    const context = await arrive(stage.browser);
    const page = await context.newPage();
    const warned = page.waitForEvent("console", (message) => message.type() === "warning");
    await page.goto(put(html(way(`${stage.api.url}/widget.js`))));
    expect((await warned).text()).toContain(word);
    expect(await page.locator("conversations-widget").count()).toBe(0);
    await context.close();
  });
});

it("the deployment's own agent is shown where a tag manager dropped every attribute", async () => {
  const { id } = await stage.agent();
  const src = `${stage.api.url}/widget.js`;
  const context = await arrive(stage.browser);
  // As the service answers where WIDGET_AGENT is set.
  await context.route(src, async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, body: (await response.text()).replace("%WIDGET_AGENT%", id) });
  });
  const tag = `<script>{const s = document.createElement("script"); s.src = "${src}"; s.async = true; document.head.append(s);}</script>`;
  await chats(await Visitor.at(context, put(html(tag))));
  await context.close();
});

describe("a page that changes", () => {
  /** What such libraries do with the next page: its body in the place of this one, and its scripts run. */
  const SWAP = `const fresh = document.implementation.createHTMLDocument(); fresh.body.innerHTML = "<h1>next</h1>" + (window.bodyScript ?? "");
    const body = document.adoptNode(fresh.body); document.body.replaceWith(body);
    for (const old of body.querySelectorAll("script")) { const s = document.createElement("script"); for (const { name, value } of old.attributes) s.setAttribute(name, value); old.replaceWith(s); }`;

  it("keeps the conversation, the words of a reply that is coming, and what is being written", async () => {
    const script = [{ text: "One, " }, { text: "two" }, { gate: "swap" }, { text: ", three." }, { finish: "stop" }];
    const { id } = await stage.agent({}, script);
    const context = await arrive(stage.browser);
    const asked: string[] = [];
    context.on("request", (request) => asked.push(request.url()));
    const visitor = await (await Visitor.at(context, put(html(line(id), line(id))))).open();
    await visitor.page.evaluate(`window.bodyScript = ${JSON.stringify(line(id))}`);
    await visitor.say("Count");
    await visitor.reads([you("Count"), agent("One, two", "streaming")]);
    await visitor.input.fill("half a sent");
    for (let n = 0; n < 5; n++) await run(visitor.page, SWAP);
    await stage.models.openGate("swap");
    await visitor.reads([you("Count"), agent("One, two, three.")]);
    expect(await visitor.input.inputValue()).toBe("half a sent");
    expect(await visitor.page.locator("conversations-widget").count()).toBe(1);
    expect(asked.filter((url) => url.includes("/messages/stream"))).toHaveLength(1);
    await run(visitor.page, "Conversations.close()");
    await visitor.panel.waitFor({ state: "hidden" });
    await context.close();
  });

  it.each([
    ["all of it is written anew", "document.documentElement.innerHTML = '<head></head><body><h1>new</h1></body>'"],
    [
      "a framework clears what it does not know",
      "for (const one of [...document.documentElement.childNodes]) if (!/^(HEAD|BODY)$/.test(one.nodeName)) document.documentElement.removeChild(one)",
    ],
    [
      "a body that is hidden, turned and blurred",
      "document.body.style.cssText = 'transform: rotate(9deg); filter: blur(9px); opacity: 0; pointer-events: none'",
    ],
  ])("has the chat when %s", async (_, code) => {
    const { id } = await stage.agent();
    const context = await arrive(stage.browser);
    const visitor = await (await Visitor.at(context, put(html(line(id))))).open();
    await visitor.say("hello");
    await visitor.reads([you("hello"), agent("reply to: hello")]);
    await run(visitor.page, code);
    await eventually(() => visitor.page.locator("conversations-widget").count()).toBe(1);
    await visitor.say("again");
    await visitor.reads([you("hello"), agent("reply to: hello"), you("again"), agent("reply to: again")]);
    await visitor.button("Close chat").click();
    await visitor.launcher.click();
    await visitor.panel.waitFor();
    await context.close();
  });

  it.each([
    ["taken off", "Conversations.remove()"],
    ["removed", "document.querySelector('conversations-widget').remove()"],
    [
      "removed again and again",
      "new MutationObserver(() => { const one = document.querySelector('conversations-widget'); one?.parentNode.removeChild(one); }).observe(document.documentElement, { childList: true }); document.body.after(document.createElement('i'));",
    ],
  ])("has it rest once it is %s", async (_, code) => {
    const { id } = await stage.agent();
    const context = await arrive(stage.browser);
    const live = new Set<unknown>();
    context.on("request", (request) => request.url().includes("/messages/stream") && live.add(request));
    context.on("requestfinished", (request) => live.delete(request));
    context.on("requestfailed", (request) => live.delete(request));
    const visitor = await (await Visitor.at(context, put(html(line(id))))).open();
    await visitor.say("hello");
    await visitor.reads([you("hello"), agent("reply to: hello")]);
    expect(live.size).toBe(1);
    await run(visitor.page, code);
    await eventually(() => live.size).toBe(0);
    await eventually(() => visitor.page.locator("conversations-widget").count()).toBe(0);
    if (code.includes("Observer")) return context.close();
    await run(visitor.page, "Conversations.open()");
    await visitor.reads([you("hello"), agent("reply to: hello")]);
    await context.close();
  });

  it("copies of its markup are no second chat, and a late array of calls is heard", async () => {
    const { id } = await stage.agent();
    const context = await arrive(stage.browser);
    const visitor = await Visitor.at(context, put(html(line(id))));
    await run(
      visitor.page,
      "const one = document.querySelector('conversations-widget'); document.body.append(one.cloneNode(true)); document.body.insertAdjacentHTML('beforeend', one.outerHTML)",
    );
    await eventually(() => visitor.page.locator("conversations-widget").count()).toBe(1);
    await run(visitor.page, "window.Conversations = []; Conversations.push(['open'])");
    await visitor.panel.waitFor();
    await context.close();
  });
});

describe("what happens in the chat stays there", () => {
  const LISTENERS = `<script>
    window.seen = [];
    for (const type of ["keydown", "keyup", "keypress", "beforeinput", "input", "change", "click", "wheel", "pointerdown", "mousedown", "focusin", "paste", "dragover", "drop"]) {
      for (const target of [document, document.documentElement]) target.addEventListener(type, (event) => {
        if (event.key === "Tab") return;
        seen.push(type);
        if (/key|wheel|mouse/.test(type)) event.preventDefault();
      }, { passive: false });
    }
    for (const type of ["keydown", "keyup", "wheel", "mousedown", "focusin"]) document.addEventListener(type, (event) => {
      if (event.key === "Tab") return;
      seen.push("early " + type);
      event.preventDefault();
    }, { capture: true, passive: false });
  </script>`;

  it("whatever the page listens to", async () => {
    const { id } = await stage.agent({ lead_form: "optional" }, complete([`${"line\n\n".repeat(60)}end`]));
    const context = await arrive(stage.browser);
    const visitor = await (await Visitor.at(context, put(html(LISTENERS + line(id))))).open();
    const { keyboard, mouse } = visitor.page;
    await visitor.panel.locator("#first_name").click();
    await keyboard.type("Ann /?");
    expect(await visitor.panel.locator("#first_name").inputValue()).toBe("Ann /?");
    await visitor.button("Skip").click();
    await visitor.input.click();
    await keyboard.type("a/b c");
    await keyboard.press("Enter");
    await visitor.sees("end");
    const log = visitor.panel.getByRole("log");
    await eventually(() => log.evaluate((el) => el.scrollTop)).toBeGreaterThan(500);
    const before = await log.evaluate((el) => el.scrollTop);
    await log.hover();
    await mouse.wheel(0, -300);
    await eventually(() => log.evaluate((el) => el.scrollTop)).toBeLessThan(before);
    await visitor.input.evaluate((el) => {
      for (const type of ["dragover", "drop"])
        el.dispatchEvent(new (globalThis as any).DragEvent(type, { bubbles: true, composed: true, cancelable: true }));
    });
    await keyboard.press("Escape");
    await visitor.panel.waitFor({ state: "hidden" });
    expect(await visitor.page.evaluate("seen")).toEqual([]);
    await visitor.page.locator("h1").click();
    await keyboard.press("x");
    expect(await visitor.page.evaluate("[...new Set(seen)].length > 3")).toBe(true);
    await context.close();
  });

  it.each([
    [
      "hears where the focus goes",
      `document.addEventListener("focusin", (e) => { if (e.target !== trap && !trap.contains(e.target)) trap.focus(); })`,
    ],
    [
      "hears it first",
      `for (const type of ["focus", "focusin"]) document.addEventListener(type, (e) => { if (!trap.contains(e.target)) trap.focus(); }, true)`,
    ],
    [
      "hears that it is left",
      `trap.addEventListener("focusout", (e) => { if (e.relatedTarget && !trap.contains(e.relatedTarget)) trap.focus(); })`,
    ],
    [
      "swallows clicks",
      `for (const type of ["mousedown", "click"]) document.addEventListener(type, (e) => { if (!trap.contains(e.target)) { e.preventDefault(); e.stopImmediatePropagation(); } }, true)`,
    ],
  ])("also beside a dialog that %s", async (_, code) => {
    const { id } = await stage.agent();
    const dialog = `<div id="trap" tabindex="-1">A dialog <button>OK</button></div><script>${code}; trap.focus();</script>`;
    const context = await arrive(stage.browser);
    const visitor = await (await Visitor.at(context, put(html(line(id), dialog)))).open();
    await visitor.button("Close chat").click();
    await visitor.open();
    await visitor.page.locator("#trap").focus();
    await visitor.input.click();
    await visitor.page.keyboard.type("hello");
    await visitor.page.keyboard.press("Enter");
    await visitor.reads([you("hello"), agent("reply to: hello")]);
    await context.close();
  });
});

describe("a page whose libraries changed what browsers have", () => {
  const pages: Record<string, string> = {
    "gives every array and object a toJSON": `<script>Array.prototype.toJSON = Object.prototype.toJSON = function () { return "broken"; }</script>`,
    "adds to all prototypes": `<script>for (const { prototype } of [Object, Array, String, Function, Element, Promise]) for (const name of ["extend", "each", "id", "data", "status", "constructor2"]) name in prototype || (prototype[name] = function () { return this; });</script>`,
    "has its own idea of iterating": `<script>Array.from = (one) => [one]; Array.prototype.entries = function () { return this; }; Element.prototype.append = Element.prototype.prepend = function () { throw new Error("append"); }; Element.prototype.remove = function () { this.parentNode.removeChild(this); return this; }</script>`,
    "is of Prototype's and MooTools' time": `<script>
      Array.prototype.reduce = function () { return this.length > 1 ? this : this[0]; };
      const { reverse } = Array.prototype;
      Array.prototype.reverse = function (inline) { return reverse.call(inline === false ? this.slice() : this); };
      Array.prototype.find = Array.prototype.detect = function (iterator) { for (let n = 0; n < this.length; n++) if (iterator(this[n], n)) return this[n]; };
      Array.prototype.filter = Array.prototype.findAll = function (iterator) { const found = []; for (let n = 0; n < this.length; n++) if (iterator(this[n], n)) found.push(this[n]); return found; };
      Array.prototype.at = function (indices) { return Array.isArray(indices) ? indices.map((n) => this[n]) : this[indices < 0 ? this.length + indices : indices]; };
      Array.prototype.flatten = Array.prototype.flat = function () { return [].concat(...this); };
      Object.keys = (object) => { const keys = []; for (const key in object) keys.push(key); return keys; };
      Object.values = (object) => { const values = []; for (const key in object) values.push(object[key]); return values; };
      String.prototype.contains = String.prototype.test = String.prototype.toInt = function () { return this; };
      Function.prototype.bind = function (context, ...args) { return (...more) => this.apply(context, [...args, ...more]); };
      window.$ = window.$$ = (id) => document.getElementById(id);
      Element.prototype.setAttributes = Element.prototype.insert = Element.prototype.hide = function () { return this; };
    </script>`,
    "names its elements like members of the document": `<script>addEventListener("DOMContentLoaded", () => { for (const name of ["body", "createElement", "documentElement", "hidden", "addEventListener", "querySelectorAll", "createTextNode", "currentScript", "head"]) { const form = Document.prototype.createElement.call(document, "form"); form.setAttribute("name", name); Reflect.get(Document.prototype, "body", document).prepend(form); } })</script>`,
    "names its elements like the widget": `<script>addEventListener("DOMContentLoaded", () => { document.body.insertAdjacentHTML("afterbegin", '<div id="Conversations"></div><div id="panel"></div><a id="first_name"></a><p class="launcher"></p>') })</script>`,
    "has a fetch that waits for the whole": `<script>{const plain = fetch; window.fetch = async (...args) => { const response = await plain(...args); const text = await response.text(); return new Response(text, response); }}</script>`,
    "has a fetch without streams": `<script>window.fetch = (url, init = {}) => new Promise((done, fail) => { const xhr = new XMLHttpRequest(); xhr.open(init.method ?? "GET", url); for (const [name, value] of Object.entries(init.headers ?? {})) xhr.setRequestHeader(name, value); xhr.onload = () => done({ ok: xhr.status < 300, status: xhr.status, json: async () => JSON.parse(xhr.responseText), text: async () => xhr.responseText }); xhr.onerror = fail; xhr.send(init.body); }); delete window.Response;</script>`,
    "has a fetch that adds to every request": `<script>{const plain = fetch; window.fetch = (url, init = {}) => plain(url, { ...init, headers: { ...init.headers, "x-csrf-token": "1" }, credentials: "include" });}</script>`,
    "has no fetch": `<script>window.fetch = undefined</script>`,
  };

  it.each(Object.entries(pages))("%s", async (_, head) => {
    const { id } = await stage.agent({ greeting: "Hi, **you**", lead_form: "optional" });
    const context = await arrive(stage.browser);
    const visitor = await Visitor.at(context, put(html(head + line(id))));
    await visitor.open();
    await visitor.button("Skip").click();
    await visitor.say("hello");
    await visitor.reads([you("hello"), agent("reply to: hello")]);
    await visitor.page.reload();
    await visitor.open();
    await visitor.reads([you("hello"), agent("reply to: hello")]);
    expect(visitor.complaints).toEqual([]);
    expect(await visitor.page.evaluate("typeof Conversations.open")).toBe("function");
    await context.close();
  });

  it.each(["{", "5", "[]", '"x"', "{}", '{"access_token":7,"refresh_token":null}'])(
    "stores %s where the widget does",
    async (text) => {
      const { id } = await stage.agent();
      const plant = ["session", "drafts"].map((name) => {
        const key = JSON.stringify(`conversations:${stage.api.url}:${id}:${name}`);
        return `localStorage[${key}] ??= sessionStorage[${key}] ??= ${JSON.stringify(text)};`;
      });
      const context = await arrive(stage.browser);
      await chats(await Visitor.at(context, put(html(`<script>${plant.join("")}</script>${line(id)}`))));
      await context.close();
    },
  );

  it("may store nothing and lock nothing, in a browser of some years ago", async () => {
    const { id } = await stage.agent();
    const denied = `<script>
      const denied = () => new DOMException("Access is denied for this document.", "SecurityError");
      for (const name of ["localStorage", "sessionStorage"]) Object.defineProperty(window, name, { get() { throw denied(); } });
      navigator.locks.request = () => Promise.reject(denied());
      window.BroadcastChannel = function () { throw denied(); };
      delete Intl.Segmenter;
    </script>`;
    const context = await arrive(stage.browser);
    const visitor = await (await Visitor.at(context, put(html(denied + line(id))))).open();
    await visitor.say("hello");
    await visitor.reads([you("hello"), agent("reply to: hello")]);
    await visitor.say("again");
    await visitor.reads([you("hello"), agent("reply to: hello"), you("again"), agent("reply to: again")]);
    expect(visitor.complaints).toEqual([]);
    await context.close();
  });

  it("has a storage that is full", async () => {
    const { id } = await stage.agent();
    const context = await arrive(stage.browser);
    const visitor = await (await Visitor.at(context, stage.page(id))).open();
    await visitor.say("hello");
    await visitor.reads([you("hello"), agent("reply to: hello")]);
    await run(
      visitor.page,
      "const key = Object.keys(localStorage).find((one) => one.endsWith(':session')); localStorage.setItem(key, JSON.stringify({ ...JSON.parse(localStorage.getItem(key)), expires_at: 0 })); dispatchEvent(new StorageEvent('storage', { key })); Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); }",
    );
    await visitor.say("again");
    await visitor.say("and again");
    await visitor.sees("reply to: and again");
    await context.close();
  });
});

describe("a reply of 20,000 characters", () => {
  it.each(["*a_", "[", "`a``", "> ", "- a\n", "word **bold** and `code`. "])(
    "of %j is drawn in a moment",
    async (unit) => {
      const pieces = Array.from({ length: 40 }, () => unit.repeat(500 / unit.length));
      const { id } = await stage.agent({}, complete(pieces));
      const context = await arrive(stage.browser);
      const visitor = await (await Visitor.at(context, stage.page(id))).open();
      await run(
        visitor.page,
        "window.longest = 0; let last = performance.now(); setInterval(() => { longest = Math.max(longest, performance.now() - last); last = performance.now(); }, 10)",
      );
      await visitor.say("much");
      await eventually(async () => (await visitor.messages()).at(-1)?.state).toBe("done");
      expect(await visitor.page.evaluate("longest")).toBeLessThan(1_500);
      await context.close();
    },
  );
});
