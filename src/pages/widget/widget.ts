/**
 * widget.js: reads the options of its own script element, puts one element into the page, and offers it as
 * `window.Conversations`. Calls that a page has left in an array of that name before are made now.
 */
import { NAME, WidgetElement } from "./element.ts";
import { readOptions } from "./options.ts";

type Method = "open" | "close" | "toggle" | "identify" | "on";
type Call = [method: Method, ...args: unknown[]];

const METHODS: Method[] = ["open", "close", "toggle", "identify", "on"];

const script = document.currentScript as HTMLScriptElement | null;

function begin(from: HTMLScriptElement): void {
  const options = readOptions(from.dataset, from.src);
  if (options.agent_id === "" || document.querySelector(NAME)) return;
  if (!customElements.get(NAME)) customElements.define(NAME, WidgetElement);
  const element = (document.createElement(NAME) as WidgetElement).setup(options);
  const call = ([method, ...args]: Call) =>
    METHODS.includes(method) ? (element[method] as (...given: unknown[]) => unknown)(...args) : undefined;
  const page = window as unknown as { Conversations?: unknown };
  const waiting = Array.isArray(page.Conversations) ? (page.Conversations as Call[]) : [];
  // A page that has something else of this name keeps it, and finds the same methods on the element.
  if (page.Conversations === undefined || Array.isArray(page.Conversations)) {
    const methods = METHODS.map((method) => [method, (...args: unknown[]) => call([method, ...args])]);
    page.Conversations = Object.freeze({
      ...Object.fromEntries(methods),
      push: (...calls: Call[]) => calls.forEach(call),
    });
  }
  waiting.forEach(call);
  document.body.append(element);
}

if (script) {
  if (document.body) begin(script);
  else addEventListener("DOMContentLoaded", () => begin(script), { once: true });
}
