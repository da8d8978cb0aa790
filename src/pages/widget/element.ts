/** <conversations-widget>: launcher and panel in a shadow root that the page's styles do not reach, nor the other way. */
import { Chat, type ChatEvents } from "./chat.ts";
import type { Item } from "./chat-item.ts";
import { Client } from "./client.ts";
import { RequestFailed } from "./request.ts";
import { readableOn, textOn } from "./color.ts";
import { h, icon, setAttribute } from "./dom.ts";
import { type LabelName, speak, type Speech } from "./labels.ts";
import type { Options } from "./options.ts";
import { ofDocument } from "./page.ts";
import { Panel } from "./panel.ts";
import { PlacedElement } from "./placed-element.ts";
import { keepToItself } from "./privacy.ts";
import { Session, type TokenSource } from "./session.ts";
import { openStore } from "./storage.ts";
import css from "./widget.css?inline";

export const NAME = "conversations-widget";

/** What `on` can be told of. */
export type WidgetEvents = ChatEvents & { ready: object; open: object; close: object };

/** Milliseconds. */
const FRAME = 16;
/** What links stand on at worst; the same as --soft in widget.css. */
const LIGHT = "#f2f3f6";
const DARK = "#26292f";

export class WidgetElement extends PlacedElement {
  /** The one of this page. Copies that a page makes of its own markup are none. */
  static current: WidgetElement | null = null;
  #options!: Options;
  #speech!: Speech;
  #chat!: Chat;
  #session!: Session;
  #panel!: Panel;
  #launcher!: HTMLButtonElement;
  #badge = h("span.badge", { hidden: true });
  #tabs: BroadcastChannel | null = null;
  #unread = 0;
  #frame = 0;
  #pause = 0;
  #isOpen = false;

  /** Before the element is put into a page. */
  setup(options: Options): this {
    WidgetElement.current = this;
    this.#options = options;
    this.#speech = speak(options.lang);
    const prefix = `conversations:${options.api}:${options.agent_id}:`;
    this.#session = new Session(options, openStore("localStorage", prefix));
    this.#chat = new Chat({
      options,
      session: this.#session,
      client: new Client(options.api, this.#session),
      drafts: openStore("sessionStorage", prefix),
      changed: () => this.#update(),
      missed: (count) => {
        if (!this.#isOpen) this.#unread = Math.max(this.#unread, count);
      },
      told: (name, detail) => this.#tell(name, detail as never),
    });
    const actions = {
      close: () => this.close(),
      register: (fields: object) => this.#register(fields),
      retry: (item: Item) => {
        this.#panel.focus();
        void this.#chat.thread.retry(item);
      },
      rate: (item: Item, rating: Item["rating"]) => this.#rate(item, rating),
    };
    this.#panel = new Panel(this.#chat, this.#speech, options, actions);
    this.#launcher = this.#makeLauncher();
    this.#render();
    this.#observe(prefix);
    return this;
  }

  protected override isOriginal(): boolean {
    return WidgetElement.current === this;
  }

  protected override placed(isFirst: boolean): void {
    if (!isFirst) return this.#wake();
    this.#tell("ready", {});
    if (this.#options.open) this.open();
    else if (this.#session.isAwaiting) void this.#listen();
  }

  protected override removed(): void {
    this.close();
    this.#chat.rest(true);
  }

  /** In the background, to what people of the company write. */
  async #listen(): Promise<void> {
    await this.#chat.start();
    if (!this.#isOpen) this.#chat.rest();
  }

  #wake(): void {
    if (!this.#isOpen) return;
    void this.#chat.start();
    this.#panel.restore();
  }

  open(): void {
    this.place();
    if (this.#isOpen) return;
    this.#isOpen = true;
    this.#unread = 0;
    void this.#chat.start();
    this.#update();
    this.#panel.open();
    this.#tell("open", {});
  }

  close(): void {
    if (!this.#isOpen) return;
    const hadFocus = this.#panel.element.matches(":focus-within");
    this.#isOpen = false;
    this.#panel.element.hidden = true;
    this.#chat.leave();
    this.#update();
    if (hadFocus) this.#launcher.focus();
    this.#tell("close", {});
  }

  toggle(): void {
    if (this.#isOpen) this.close();
    else this.open();
  }

  /** See Session.identify. Rejects when the token is not good. */
  identify(source: TokenSource | null): Promise<void> {
    return this.#chat.identify(source);
  }

  /** Calls `listener` at each such event. Returns how to stop that. */
  on<N extends keyof WidgetEvents>(name: N, listener: (detail: WidgetEvents[N]) => void): () => void {
    const handler = (event: Event) => listener((event as CustomEvent).detail);
    this.addEventListener(`conversations-${name}`, handler);
    return () => this.removeEventListener(`conversations-${name}`, handler);
  }

  #makeLauncher(): HTMLButtonElement {
    const attributes = {
      type: "button",
      "aria-haspopup": "dialog",
      "aria-controls": "panel",
      click: () => this.toggle(),
    };
    return h("button.launcher", attributes, icon("chat"), icon("down"), this.#badge);
  }

  #render(): void {
    const { color, theme, position } = this.#options;
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    const shadow = this.attachShadow({ mode: "open", delegatesFocus: false });
    shadow.adoptedStyleSheets = [sheet];
    const { lang, dir } = this.#speech;
    const root = h(
      "div.root",
      { lang, dir, "data-theme": theme, "data-position": position },
      this.#launcher,
      this.#panel.element,
    );
    const colors = {
      "--accent": color,
      "--on-accent": textOn(color),
      "--ink-light": readableOn(color, LIGHT),
      "--ink-dark": readableOn(color, DARK),
    };
    for (const [name, value] of Object.entries(colors)) root.style.setProperty(name, value);
    shadow.appendChild(root);
    keepToItself(this, root, (event) => this.#panel.onKey(event));
    this.#update();
  }

  #observe(prefix: string): void {
    addEventListener("storage", (event) => {
      if (event.key === `${prefix}session`) void this.#chat.sessionChanged();
    });
    addEventListener("online", () => {
      void this.#chat.thread.online();
      if (this.#isOpen) void this.#chat.start();
    });
    addEventListener("offline", () => this.#chat.thread.connection.offline());
    ofDocument("addEventListener")("visibilitychange", () => {
      if (ofDocument("hidden") || !this.isConnected) this.#chat.rest(true);
      else if (this.#isOpen) void this.#chat.start();
      else this.#chat.rest();
    });
    try {
      this.#tabs = new BroadcastChannel(prefix);
      this.#tabs.addEventListener("message", ({ data }) => this.#chat.thread.rated(String(data.id), data.rating));
    } catch {
      // There is none, or not for a page that may store nothing.
    }
  }

  #rate(item: Item, rating: Item["rating"]): void {
    void this.#chat.thread.rate(item, rating).then(() => this.#tabs?.postMessage({ id: item.id, rating: item.rating }));
  }

  async #register(fields: object): Promise<LabelName | null> {
    try {
      await this.#chat.register(fields);
      return null;
    } catch (error) {
      const { status = 0 } = error instanceof RequestFailed ? error : {};
      return status === 422 ? "badEmail" : status === 429 ? "busy" : "unavailable";
    }
  }

  #tell<N extends keyof WidgetEvents>(name: N, detail: WidgetEvents[N]): void {
    if (name === "message") this.#hear(detail as WidgetEvents["message"]);
    this.dispatchEvent(new CustomEvent(`conversations-${name}`, { detail }));
  }

  #hear({ role, content, author }: WidgetEvents["message"]): void {
    if (role !== "assistant") return;
    const name = author || this.#panel.name;
    if (this.#isOpen) this.#panel.speak(`${this.#speech.say("says", { name })} ${content}`);
    else this.#unread++;
  }

  /** All changes of a moment are drawn together, and drawing takes a quarter of the time at most. */
  #update(): void {
    if (this.#frame !== 0) return;
    const draw = () => {
      const began = performance.now();
      this.#frame = 0;
      const { say } = this.#speech;
      const label = this.#isOpen ? say("close") : say("open");
      const unread = this.#unread > 0 ? `, ${say("unread", { n: this.#unread })}` : "";
      setAttribute(this.#launcher, "aria-label", label + unread);
      setAttribute(this.#launcher, "aria-expanded", String(this.#isOpen));
      this.#badge.hidden = this.#unread === 0;
      this.#badge.textContent = String(this.#unread);
      if (this.#isOpen) this.#panel.update();
      this.#pause = 3 * (performance.now() - began);
    };
    // A hidden tab draws no frames, and is to be up to date when it is shown.
    const isLater = ofDocument("hidden") || this.#pause > FRAME;
    this.#frame = isLater ? setTimeout(draw, this.#pause) : requestAnimationFrame(draw);
  }
}
