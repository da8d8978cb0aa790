/** One message on the screen. Updated in place, so that what is being read or selected stays as it is. */
import type { Item } from "./chat-item.ts";
import { h, icon, iconButton, setAttribute } from "./dom.ts";
import type { Speech } from "./labels.ts";
import { MarkdownView } from "./markdown.ts";

export type MessageActions = { retry: (item: Item) => void; rate: (item: Item, rating: Item["rating"]) => void };

export class MessageView {
  readonly element: HTMLLIElement;
  readonly #item: Item;
  readonly #speech: Speech;
  readonly #actions: MessageActions;
  readonly #bubble = h("div.bubble");
  readonly #foot = h("div.foot");
  readonly #markdown: MarkdownView | null;
  #shown = "";

  constructor(item: Item, name: string, speech: Speech, actions: MessageActions) {
    this.#item = item;
    this.#speech = speech;
    this.#actions = actions;
    this.#markdown = item.role === "assistant" ? new MarkdownView() : null;
    const author = item.role === "user" ? speech.say("you") : speech.say("says", { name });
    this.#bubble.append(
      h("span.unseen", {}, author),
      this.#markdown?.element ?? h("div.plain", { dir: "auto" }, item.content),
    );
    this.element = h(`li.${item.role}`, {}, this.#bubble, this.#foot);
  }

  /** Shows the item as it is now; `isLast` of its kind offers another try. */
  update(isLast: boolean): void {
    const { state, content, problem, rating, id } = this.#item;
    const shown = JSON.stringify([state, content, problem, rating, id, isLast]);
    if (shown === this.#shown) return;
    this.#shown = shown;
    setAttribute(this.element, "data-state", state);
    this.#markdown?.update(content);
    this.#bubble.querySelector(".dots")?.remove();
    const isWaiting = state === "streaming" && content === "";
    if (isWaiting) this.#bubble.append(h("span.dots", { "aria-hidden": "true" }, h("i"), h("i"), h("i")));
    this.#bubble.hidden = content === "" && !isWaiting;
    this.#foot.replaceChildren(...this.#notes(isLast));
  }

  #notes(isLast: boolean): Node[] {
    const { say } = this.#speech;
    const { role, state, problem, rating, id } = this.#item;
    if (problem) {
      const again = h(
        "button.retry",
        { type: "button", click: () => this.#actions.retry(this.#item) },
        icon("retry"),
        say("retry"),
      );
      const canRetry = role === "user" || isLast;
      return [h("span.problem", {}, say(problem)), ...(canRetry ? [again] : [])];
    }
    if (role === "user" || state === "streaming" || id === null) return [];
    const thumb = (which: "up" | "down") => {
      const label = say(which === "up" ? "good" : "bad");
      const press = () => this.#actions.rate(this.#item, rating === which ? null : which);
      const button = iconButton(which === "up" ? "up" : "thumbDown", "thumb", label, press);
      button.setAttribute("aria-pressed", String(rating === which));
      return button;
    };
    const note = state === "stopped" ? [h("span", {}, say("stopped"))] : [];
    return [...note, h("span.thumbs", {}, thumb("up"), thumb("down"))];
  }
}
