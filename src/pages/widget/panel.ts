/** The open chat: a header, the messages or the lead form, the composer, and what screen readers are told. */
import type { Chat } from "./chat.ts";
import { Composer } from "./composer.ts";
import { dots, h, iconButton } from "./dom.ts";
import type { LabelName, Speech } from "./labels.ts";
import { LeadForm } from "./lead-form.ts";
import { LogView } from "./log-view.ts";
import type { MessageActions } from "./message-view.ts";
import type { Options } from "./options.ts";

export type PanelActions = MessageActions & {
  close: () => void;
  register: (fields: object) => Promise<LabelName | null>;
};

/** On so small a screen the panel fills it, and the focus stays inside. */
const SMALL = "(max-width: 480px)";

export class Panel {
  readonly element: HTMLElement;
  readonly #chat: Chat;
  readonly #speech: Speech;
  readonly #options: Options;
  readonly #actions: PanelActions;
  readonly #log: LogView;
  readonly #composer: Composer;
  readonly #avatar = h("span.avatar", { "aria-hidden": "true" });
  readonly #name = h("bdi");
  readonly #who = h("span");
  readonly #body = h("div.body");
  readonly #notice = h("div.notice", { role: "status" });
  readonly #spoken = h("div.unseen", { role: "status" });
  #form: LeadForm | null = null;
  #shown = "";

  constructor(chat: Chat, speech: Speech, options: Options, actions: PanelActions) {
    this.#chat = chat;
    this.#speech = speech;
    this.#options = options;
    this.#actions = actions;
    this.#log = new LogView(speech, actions);
    this.#composer = new Composer(speech, {
      send: (text) => {
        void chat.thread.send(text);
        this.#log.toEnd();
      },
      stop: () => void chat.thread.stop(),
    });
    const about = h("div.about", {}, h("strong.name", {}, this.#name), this.#who);
    const close = iconButton("close", "plainbutton", speech.say("close"), actions.close);
    this.element = h(
      "section.panel",
      {
        id: "panel",
        role: "dialog",
        tabindex: -1,
        hidden: true,
      },
      h("div.header", {}, this.#avatar, about, close),
      this.#notice,
      this.#body,
      this.#spoken,
    );
  }

  get name(): string {
    return this.#options.title || this.#chat.agent?.name || "";
  }

  open(): void {
    this.element.hidden = false;
    this.element.setAttribute("aria-modal", String(matchMedia(SMALL).matches));
    this.update();
    this.#log.toEnd();
    this.focus();
  }

  /** To where the visitor goes on; not into the text on a touch screen, whose keyboard would hide what is there. */
  focus(): void {
    this.element.focus();
    if (matchMedia("(pointer: coarse)").matches) return;
    if (this.#shown === "form") this.#form?.focus();
    if (this.#shown === "ready") this.#composer.focus();
  }

  /** After the element has been elsewhere, which loses where it was scrolled to. */
  restore(): void {
    this.update();
    this.#log.restore();
  }

  /** Read out, once the present sentence is over. */
  speak(text: string): void {
    this.#spoken.textContent = text;
  }

  update(): void {
    const { phase, agent, thread } = this.#chat;
    const { say } = this.#speech;
    const name = this.name;
    this.#name.textContent = name;
    this.#avatar.textContent = initialOf(name);
    const { isHuman, name: handler } = thread.handling;
    const who = isHuman ? (handler === "" ? say("waiting") : say("with", { name: handler })) : say("assistant");
    if (this.#who.textContent !== who) this.#who.textContent = who;
    this.element.setAttribute("aria-label", say("chat", { name }));
    this.#notice.textContent = thread.connection.notice ? say(thread.connection.notice) : "";
    if (phase !== this.#shown) this.#show(phase);
    if (phase !== "ready") return;
    this.#composer.update(thread.timeline.running !== null);
    this.#log.update(thread, name, this.#options.greeting || agent?.greeting || "");
  }

  #show(phase: Chat["phase"]): void {
    this.#shown = phase;
    const hadFocus = this.element.matches(":focus-within");
    this.#body.replaceChildren(...this.#contents(phase));
    if (hadFocus) this.focus();
  }

  #contents(phase: Chat["phase"]): Node[] {
    const { say } = this.#speech;
    if (phase === "ready") return [this.#log.element, this.#composer.element];
    if (phase === "form") {
      const { privacy_url } = this.#options;
      const required = this.#chat.agent?.lead_form === "required";
      this.#form = new LeadForm(this.#speech, { required, privacy_url }, this.#actions.register);
      return [h("div.formbox", {}, this.#form.element)];
    }
    if (phase === "unavailable") {
      const again = h("button.primary", { type: "button", click: () => void this.#chat.start() }, say("retry"));
      return [h("div.empty", { role: "alert" }, h("p", {}, say("unavailable")), again)];
    }
    return [h("div.empty", {}, dots(), h("span.unseen", { role: "status" }, say("loading")))];
  }

  onKey(event: KeyboardEvent): void {
    if (!event.composedPath().includes(this.element)) return;
    if (event.key === "Escape") this.#actions.close();
    else if (event.key === "Tab" && matchMedia(SMALL).matches) this.#keepFocus(event);
    else this.#composer.onKey(event);
  }

  #keepFocus(event: KeyboardEvent): void {
    const all = [...this.element.querySelectorAll<HTMLElement>("button, a[href], input, textarea, [tabindex='0']")];
    const usable = all.filter((one) => !one.matches(":disabled") && one.checkVisibility());
    const [first, last] = [usable[0], usable.at(-1)];
    const { activeElement } = this.element.getRootNode() as ShadowRoot;
    const isAtEdge = event.shiftKey
      ? activeElement === first || activeElement === this.element
      : activeElement === last;
    if (!isAtEdge) return;
    event.preventDefault();
    (event.shiftKey ? last : first)?.focus();
  }
}

/** What a reader takes for the first character, an emoji included; Firefox before version 125 cannot tell. */
function initialOf(name: string): string {
  const { Segmenter } = Intl as Partial<Pick<typeof Intl, "Segmenter">>;
  if (Segmenter) for (const { segment } of new Segmenter().segment(name.trim())) return segment.toUpperCase();
  for (const character of name.trim()) return character.toUpperCase();
  return "";
}
