/** One message on the screen. Updated in place, so that what is being read or selected stays as it is. */
import type { Item } from "./chat-item.ts";
import { add, dots, h, icon, iconButton, setAttribute } from "./dom.ts";
import type { Speech } from "./labels.ts";
import { MarkdownView } from "./markdown.ts";

export type MessageActions = { retry: (item: Item) => void; rate: (item: Item, rating: Item["rating"]) => void };

type Thumb = [which: "up" | "down", button: HTMLButtonElement];

export class MessageView {
  readonly element: HTMLLIElement;
  readonly #item: Item;
  readonly #speech: Speech;
  readonly #actions: MessageActions;
  readonly #bubble = h("div.bubble");
  readonly #author: HTMLElement;
  readonly #foot = h("div.foot");
  readonly #markdown: MarkdownView | null;
  readonly #stopped: HTMLElement;
  #thumbs: Thumb[] = [];
  #shown: unknown[] = [];

  constructor(item: Item, name: string, speech: Speech, actions: MessageActions) {
    this.#item = item;
    this.#speech = speech;
    this.#actions = actions;
    this.#markdown = item.role === "assistant" ? new MarkdownView() : null;
    this.#stopped = h("span", {}, speech.say("stopped"));
    const person = item.author || (item.author === "" ? speech.say("team") : null);
    const author = item.role === "user" ? speech.say("you") : speech.say("says", { name: person ?? name });
    this.#author = h("div.author", { "aria-hidden": "true", hidden: true }, person);
    add(
      this.#bubble,
      h("span.unseen", {}, author),
      this.#markdown?.element ?? h("div.plain", { dir: "auto" }, item.content),
    );
    this.element = h(`li.${item.role}`, {}, this.#author, this.#bubble, this.#foot);
  }

  /** Shows the item as it is now; the last one offers another try, the first one of a person says who that is. */
  update(isLast: boolean, before: Item | undefined): void {
    const { state, content, problem, rating, id, author } = this.#item;
    const isFirst = author !== null && author !== before?.author;
    const shown = [state, content, problem, rating, id, isLast, isFirst];
    if (shown.every((value, i) => value === this.#shown[i])) return;
    this.#shown = shown;
    setAttribute(this.element, "data-state", state);
    this.#author.hidden = !isFirst;
    this.#markdown?.update(content);
    this.#bubble.querySelector(".dots")?.remove();
    const isWaiting = state === "streaming" && content === "";
    if (isWaiting) add(this.#bubble, dots());
    this.#bubble.hidden = content === "" && !isWaiting;
    const notes = this.#notes(isLast);
    const isSame =
      notes.length === this.#foot.childNodes.length && notes.every((node) => node.parentNode === this.#foot);
    // Only where something changed: a button that is put in again loses the focus.
    if (!isSame) this.#foot.replaceChildren(...notes);
    for (const [which, button] of this.#thumbs) setAttribute(button, "aria-pressed", String(rating === which));
  }

  #notes(isLast: boolean): Node[] {
    const { say } = this.#speech;
    const { role, state, problem, id, author } = this.#item;
    if (problem) {
      const retry = () => this.#actions.retry(this.#item);
      const again = h("button.retry", { type: "button", click: retry }, icon("retry"), say("retry"));
      const canRetry = role === "user" || isLast;
      return [h("span.problem", {}, say(problem)), ...(canRetry ? [again] : [])];
    }
    if (role === "user" || state === "streaming" || id === null || author !== null) return [];
    if (this.#thumbs.length === 0) this.#thumbs = [this.#thumb("up", "good"), this.#thumb("down", "bad")];
    const buttons = this.#thumbs.map(([, button]) => button);
    return [...(state === "stopped" ? [this.#stopped] : []), ...buttons];
  }

  #thumb(which: "up" | "down", label: "good" | "bad"): Thumb {
    const press = () => this.#actions.rate(this.#item, this.#item.rating === which ? null : which);
    return [which, iconButton(which === "up" ? "up" : "thumbDown", "thumb", this.#speech.say(label), press)];
  }
}
