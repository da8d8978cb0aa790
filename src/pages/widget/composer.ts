/** Where the visitor writes. Enter sends, Shift+Enter makes a line; while an answer runs, an empty line can stop it. */
import { h, iconButton } from "./dom.ts";
import type { Speech } from "./labels.ts";

/** Characters; what the API takes. */
const MAX_LENGTH = 32_000;

export class Composer {
  readonly element: HTMLFormElement;
  readonly #input: HTMLTextAreaElement;
  readonly #send: HTMLButtonElement;
  readonly #stop: HTMLButtonElement;
  readonly #submit: (event: Event) => void;
  #isAnswering = false;

  constructor(speech: Speech, actions: { send: (text: string) => void; stop: () => void }) {
    const { say } = speech;
    this.#submit = (event: Event) => {
      event.preventDefault();
      const text = this.#input.value;
      if (text.trim() === "") return;
      this.#input.value = "";
      this.#changed();
      this.#input.focus();
      actions.send(text);
    };
    this.#input = h("textarea", {
      rows: 1,
      maxlength: MAX_LENGTH,
      placeholder: say("write"),
      "aria-label": say("write"),
      enterkeyhint: "send",
      dir: "auto",
      input: () => this.#changed(),
    });
    this.#send = iconButton("send", "send", say("send"), () => {});
    this.#send.type = "submit";
    this.#stop = iconButton("stop", "send.stop", say("stop"), () => {
      this.#input.focus();
      actions.stop();
    });
    this.element = h("form.composer", { submit: this.#submit, novalidate: true }, this.#input, this.#send, this.#stop);
    this.#changed();
  }

  update(isAnswering: boolean): void {
    this.#isAnswering = isAnswering;
    this.#changed();
  }

  onKey(event: KeyboardEvent): void {
    if (event.composedPath()[0] !== this.#input) return;
    // While an input method composes a word, Enter belongs to it.
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing && event.keyCode !== 229) this.#submit(event);
  }

  focus(): void {
    this.#input.focus();
  }

  #changed(): void {
    const isEmpty = this.#input.value.trim() === "";
    const hadFocus = this.#stop.matches(":focus");
    this.#send.disabled = isEmpty;
    this.#stop.hidden = !(this.#isAnswering && isEmpty);
    this.#send.hidden = !this.#stop.hidden;
    if (hadFocus && this.#stop.hidden) this.#input.focus();
    this.#input.style.height = "auto";
    if (this.#input.scrollHeight > 0) this.#input.style.height = `${this.#input.scrollHeight}px`;
  }
}
