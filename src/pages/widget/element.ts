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
import { keepToItself } from "./privacy.ts";
import { Session, type TokenSource } from "./session.ts";
import { openStore } from "./storage.ts";
import css from "./widget.css?inline";

export const NAME = "conversations-widget";

/** What `on` can be told of. */
export type WidgetEvents = ChatEvents & { ready: object; open: object; close: object };

/** What links stand on at worst; the same as --soft in widget.css. */
const LIGHT = "#f2f3f6";
const DARK = "#26292f";

/** How often within how many milliseconds an element that a page removed is put back: more often the page means it. */
const RETURNS = 5;
const WITHIN = 10_000;

export class WidgetElement extends HTMLElement {
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
  #isOpen = false;
  #isReady = false;
  #isRemoved = false;
  #returns: number[] = [];

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
    this.#listen(prefix);
    return this;
  }

  connectedCallback(): void {
    if (WidgetElement.current !== this) return void this.parentNode?.removeChild(this);
    if (this.#isReady) return this.#wake();
    this.#isReady = true;
    this.#tell("ready", {});
    if (this.#options.open) this.open();
  }

  /** Frameworks remove what they did not make, and whole pages are replaced: that is not meant. */
  disconnectedCallback(): void {
    if (WidgetElement.current === this) setTimeout(() => this.#return());
  }

  /** Beside the body, which pages replace, transform and blur. */
  place(): void {
    this.#isRemoved = false;
    if (!this.isConnected) ofDocument("documentElement")?.appendChild(this);
  }

  /** Off the page, until it is opened. */
  override remove(): void {
    this.close();
    this.#isRemoved = true;
    this.parentNode?.removeChild(this);
  }

  #return(): void {
    if (this.isConnected) return;
    const now = Date.now();
    this.#returns = [...this.#returns.filter((at) => now - at < WITHIN), now];
    if (!this.#isRemoved && this.#returns.length <= RETURNS) this.place();
    if (!this.isConnected) this.#chat.rest();
  }

  #wake(): void {
    if (!this.#isOpen) return;
    void this.#chat.start();
    this.#panel.restore();
  }

  open(): void {
    if (this.#isReady) this.place();
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
    this.#chat.rest();
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

  #listen(prefix: string): void {
    addEventListener("storage", (event) => {
      if (event.key === `${prefix}session`) void this.#chat.sessionChanged();
    });
    addEventListener("online", () => void this.#chat.thread.online());
    addEventListener("offline", () => this.#chat.thread.offline());
    ofDocument("addEventListener")("visibilitychange", () => {
      if (ofDocument("hidden")) this.#chat.rest();
      else if (this.#isOpen && this.isConnected) void this.#chat.start();
    });
    if (typeof BroadcastChannel === "undefined") return;
    this.#tabs = new BroadcastChannel(prefix);
    this.#tabs.addEventListener("message", ({ data }) => this.#chat.thread.rated(String(data.id), data.rating));
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

  #hear({ role, content }: WidgetEvents["message"]): void {
    if (role !== "assistant") return;
    if (this.#isOpen) this.#panel.speak(`${this.#speech.say("says", { name: this.#panel.name })} ${content}`);
    else this.#unread++;
  }

  /** All changes of a moment are drawn together. */
  #update(): void {
    if (this.#frame !== 0) return;
    const draw = () => {
      this.#frame = 0;
      const { say } = this.#speech;
      const label = this.#isOpen ? say("close") : say("open");
      const unread = this.#unread > 0 ? `, ${say("unread", { n: this.#unread })}` : "";
      setAttribute(this.#launcher, "aria-label", label + unread);
      setAttribute(this.#launcher, "aria-expanded", String(this.#isOpen));
      this.#badge.hidden = this.#unread === 0;
      this.#badge.textContent = String(this.#unread);
      if (this.#isOpen) this.#panel.update();
    };
    // A hidden tab draws no frames, and is to be up to date when it is shown.
    this.#frame = ofDocument("hidden") ? setTimeout(draw) : requestAnimationFrame(draw);
  }
}
