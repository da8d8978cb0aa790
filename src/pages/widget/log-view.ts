/**
 * The messages, kept at their end while the visitor is there and left alone while the visitor reads further up. Replies
 * are read out once, when they are complete: the log itself is silent, so that nobody hears every word twice.
 */
import type { Item } from "./chat-item.ts";
import { dots, h, icon } from "./dom.ts";
import type { Speech } from "./labels.ts";
import { type MessageActions, MessageView } from "./message-view.ts";
import { MarkdownView } from "./markdown.ts";
import type { Thread } from "./thread.ts";

/** Pixels from an end that count as being there. */
const NEAR = 60;

export class LogView {
  readonly element: HTMLElement;
  #thread: Thread | null = null;
  readonly #speech: Speech;
  readonly #actions: MessageActions;
  readonly #views = new Map<string, MessageView>();
  readonly #list = h("ol.list", { role: "list" });
  readonly #scroller: HTMLElement;
  readonly #greeting = h("div.greeting");
  readonly #writing = h("div.writing", { hidden: true }, dots(), h("span"));
  readonly #more = h("div.more", { role: "status" });
  readonly #latest: HTMLButtonElement;
  #greeted = "";
  #atEnd = true;
  #days: string[] = [];
  /** After a failure the next try waits until the visitor scrolls. */
  #mayFill = true;

  constructor(speech: Speech, actions: MessageActions) {
    this.#speech = speech;
    this.#actions = actions;
    this.#scroller = h(
      "div.log",
      {
        role: "log",
        "aria-live": "off",
        "aria-label": speech.say("messages"),
        tabindex: 0,
        scroll: () => this.#scrolled(),
      },
      this.#more,
      this.#greeting,
      this.#list,
      this.#writing,
    );
    const label = speech.say("latest");
    this.#latest = h(
      "button.latest",
      { type: "button", "aria-label": label, title: label, hidden: true, click: () => this.toEnd() },
      icon("down"),
    );
    this.element = h("div.logbox", {}, this.#scroller, this.#latest);
    // What grows below the visible part, a later font, a wider reply or the space for writing, must not push the end away.
    const observer = new ResizeObserver(() => this.#atEnd && this.toEnd());
    for (const element of [this.#list, this.#scroller]) observer.observe(element);
  }

  restore(): void {
    if (this.#atEnd) this.toEnd();
  }

  toEnd(): void {
    this.#atEnd = true;
    this.#scroller.scrollTop = this.#scroller.scrollHeight;
  }

  update(thread: Thread, name: string, greeting: string): void {
    if (thread !== this.#thread) this.#begin(thread);
    const { items } = thread.timeline;
    const before = { height: this.#scroller.scrollHeight, top: this.#scroller.scrollTop };
    const first = this.#list.firstElementChild;
    this.#greet(greeting);
    this.#more.textContent = thread.loadingOlder ? this.#speech.say("loading") : "";
    this.#reconcile(items, name);
    this.#showWriting(thread);
    if (this.#atEnd) this.toEnd();
    else if (first && first !== this.#list.firstElementChild) {
      this.#scroller.scrollTop = before.top + this.#scroller.scrollHeight - before.height;
    }
    if (this.#mayFill) this.#fill();
  }

  /** Of another conversation nothing stays. */
  #begin(thread: Thread): void {
    this.#thread = thread;
    this.#views.clear();
    this.#list.replaceChildren();
    this.#days = [];
    this.#atEnd = true;
    this.#mayFill = true;
  }

  #greet(greeting: string): void {
    this.#greeting.hidden = greeting === "" || this.#thread?.older !== null;
    if (greeting === this.#greeted) return;
    this.#greeted = greeting;
    const text = new MarkdownView();
    text.update(greeting);
    this.#greeting.replaceChildren(h("div.bubble", {}, text.element));
  }

  #showWriting({ handling }: Thread): void {
    this.#writing.hidden = !handling.isWriting;
    const text = this.#speech.say("writing", { name: handling.name || this.#speech.say("team") });
    const label = this.#writing.lastElementChild;
    if (label && label.textContent !== text) label.textContent = text;
  }

  /** One element for each item, in order; those that stay are not moved. */
  #reconcile(items: Item[], name: string): void {
    const keys = new Set(items.map(({ key }) => key));
    for (const [key, view] of this.#views) {
      if (keys.has(key)) continue;
      view.element.remove();
      this.#views.delete(key);
    }
    let next = this.#list.firstElementChild;
    let before: Item | undefined;
    for (const item of items) {
      let view = this.#views.get(item.key);
      if (!view) this.#views.set(item.key, (view = new MessageView(item, name, this.#speech, this.#actions)));
      view.update(item === items.at(-1), before);
      before = item;
      if (view.element === next) next = next.nextElementSibling;
      else this.#list.insertBefore(view.element, next);
    }
    this.#showDays(items);
  }

  /** The date above the first message of each day, except when all of them are of today. */
  #showDays(items: Item[]): void {
    const days = items.map(({ at }) => new Date(at).toDateString());
    if (days.join() === this.#days.join()) return;
    this.#days = days;
    const today = new Date().toDateString();
    const format = new Intl.DateTimeFormat(this.#speech.lang, { weekday: "long", day: "numeric", month: "long" });
    items.forEach((item, i) => {
      const isFirst = days[i] !== days[i - 1] && (i > 0 || days[i] !== today);
      const element = this.#views.get(item.key)?.element;
      element?.querySelector(".day")?.remove();
      if (isFirst) element?.insertBefore(h("div.day", {}, format.format(item.at)), element.firstChild);
    });
  }

  #scrolled(): void {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroller;
    this.#atEnd = scrollHeight - scrollTop - clientHeight < NEAR;
    this.#latest.hidden = this.#atEnd;
    this.#fill();
  }

  /** Earlier messages are fetched when the visitor gets near them, or when there is room for them. */
  #fill(): void {
    const { clientHeight, scrollTop } = this.#scroller;
    const thread = this.#thread;
    if (!thread || thread.older === null || clientHeight === 0 || scrollTop >= NEAR) return;
    void thread.loadOlder().then((done) => {
      this.#mayFill = done;
    });
  }
}
