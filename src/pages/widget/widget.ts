/**
 * widget.js: finds its options, puts one element into the page, and offers it as `window.Conversations`. Run again, by a page
 * that has put itself together anew, it finds the element that is there.
 */
import { NAME, WidgetElement } from "./element.ts";
import type { Options } from "./options.ts";
import { ofDocument, ofWindow } from "./page.ts";
import { findOptions } from "./script.ts";

const METHODS = ["open", "close", "toggle", "remove", "identify", "on"] as const;

type Call = [method: string, ...args: unknown[]];

function begin(options: Options): void {
  const known = customElements.get(NAME) as typeof WidgetElement | undefined;
  if (!known) customElements.define(NAME, WidgetElement);
  const element = known ? known.current : new WidgetElement().setup(options);
  if (!element) return;
  offer(element);
  element.place();
}

/** The methods as a global. What the page left there in an array is done now, also when it makes such an array later. */
function offer(element: WidgetElement): void {
  const name = "Conversations";
  const left = ofWindow(name);
  // A page that has something else of this name keeps it, and finds the same methods on the element.
  if (left !== undefined && !Array.isArray(left)) return;
  const call = ([method, ...args]: Call): unknown => {
    const found = METHODS.find((one) => one === method);
    return found && (element[found] as (...given: unknown[]) => unknown)(...args);
  };
  const calls = (all: unknown[]) => all.filter(Array.isArray).forEach((one) => call(one as Call));
  const methods = METHODS.map((method) => [method, (...args: unknown[]) => call([method, ...args])]);
  const offered = Object.freeze({ ...Object.fromEntries(methods), push: (...all: unknown[]) => calls(all) });
  Object.defineProperty(window, name, {
    configurable: true,
    enumerable: true,
    get: () => offered,
    set: (value: unknown) => {
      if (Array.isArray(value)) calls(value);
      else Object.defineProperty(window, name, { value, writable: true });
    },
  });
  if (left) calls(left);
}

const options = findOptions();
if (!options) {
  console.warn(
    "The chat is not shown, because its script names no agent. It needs the attribute data-agent-id, or ?agent= in its address.",
  );
} else if (!/^(?:https?:|$)/.test(options.api)) {
  console.warn("The chat is not shown, because its script was copied elsewhere. It needs the attribute data-api.");
} else if (ofDocument("body")) begin(options);
else addEventListener("DOMContentLoaded", () => begin(options), { once: true });
