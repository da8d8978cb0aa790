/** Who the visitor is, where the agent wants to know: first name and e-mail address, and a consent if the site asks. */
import { h } from "./dom.ts";
import type { LabelName, Speech } from "./labels.ts";

export type LeadFormOptions = { required: boolean; privacy_url: string };
type Field = { input: HTMLInputElement; error: HTMLElement; row: HTMLElement };

export class LeadForm {
  readonly element: HTMLFormElement;
  readonly #speech: Speech;
  readonly #name: Field;
  readonly #email: Field;
  readonly #consent: Field | null;
  readonly #buttons: HTMLButtonElement[];
  readonly #problem = h("p.problem", { role: "alert" });

  /** `submit` resolves to what went wrong, or null. */
  constructor(speech: Speech, options: LeadFormOptions, submit: (fields: object) => Promise<LabelName | null>) {
    const { say } = speech;
    this.#speech = speech;
    this.#name = this.#text("first_name", { autocomplete: "given-name", maxlength: 100 }, options.required);
    this.#email = this.#text(
      "email",
      { type: "email", autocomplete: "email", maxlength: 320, dir: "ltr" },
      options.required,
    );
    this.#consent = options.privacy_url === "" ? null : this.#checkbox(options.privacy_url);
    const run = async (fields: object) => {
      for (const button of this.#buttons) button.disabled = true;
      const problem = await submit(fields);
      for (const button of this.#buttons) button.disabled = false;
      this.#problem.textContent = problem ? say(problem) : "";
    };
    const begin = h("button.primary", { type: "submit" }, say("begin"));
    const skip = h("button.link", { type: "button", click: () => void run({}) }, say("skip"));
    this.#buttons = options.required ? [begin] : [begin, skip];
    this.element = h(
      "form.lead",
      {
        novalidate: true,
        "aria-label": say("hello"),
        submit: (event: Event) => {
          event.preventDefault();
          if (this.#isValid(options.required)) void run(this.#fields());
        },
      },
      h("p.heading", {}, say("hello")),
      h("p", {}, say("why")),
      this.#name.row,
      this.#email.row,
      this.#consent?.row ?? null,
      this.#problem,
      h("div.buttons", {}, ...this.#buttons),
    );
  }

  focus(): void {
    this.#name.input.focus();
  }

  #fields(): object {
    const given = { first_name: this.#name.input.value.trim(), email: this.#email.input.value.trim() };
    const told = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== ""));
    return { ...told, ...(this.#consent ? { consent_data_processing: this.#consent.input.checked } : {}) };
  }

  /** Says beside each field what is wrong, and goes to the first. */
  #isValid(required: boolean): boolean {
    const email = this.#email.input;
    const isMissing = ({ input }: Field) => required && input.value.trim() === "";
    const wrong: [Field, LabelName | null][] = [
      [this.#name, isMissing(this.#name) ? "missing" : null],
      [
        this.#email,
        isMissing(this.#email) ? "missing" : email.value !== "" && !email.checkValidity() ? "badEmail" : null,
      ],
      ...(this.#consent
        ? [[this.#consent, this.#consent.input.checked ? null : "missing"] as [Field, LabelName | null]]
        : []),
    ];
    for (const [{ input, error }, label] of wrong) {
      error.textContent = label ? this.#speech.say(label) : "";
      input.setAttribute("aria-invalid", String(label !== null));
    }
    const first = wrong.find(([, label]) => label !== null)?.[0];
    first?.input.focus();
    return first === undefined;
  }

  #text(name: "first_name" | "email", attributes: Record<string, string | number>, required: boolean): Field {
    const error = h("span.problem", { id: `${name}-error` });
    const input = h("input", {
      id: name,
      name,
      ...attributes,
      "aria-describedby": error.id,
      "aria-required": String(required),
    });
    const row = h("div.field", {}, h("label", { for: name }, this.#speech.say(name)), input, error);
    return { input, error, row };
  }

  #checkbox(privacy_url: string): Field {
    const { say } = this.#speech;
    const error = h("span.problem", { id: "consent-error" });
    const input = h("input", {
      id: "consent",
      type: "checkbox",
      "aria-describedby": error.id,
      "aria-required": "true",
    });
    const link = h("a", { href: privacy_url, target: "_blank", rel: "noopener noreferrer" }, say("privacy"));
    const label = h("label", { for: "consent" }, say("consent"));
    return { input, error, row: h("div.field.check", {}, input, h("span", {}, label, " ", link), error) };
  }
}
