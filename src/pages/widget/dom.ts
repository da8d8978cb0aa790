/** DOM elements from plain values. Text stays text: nothing in the widget ever parses HTML. */
import { ofDocument } from "./page.ts";

type Child = Node | string | null | false;
type Attributes = Record<string, string | number | boolean | ((event: never) => void)>;

/** Classes follow the name (`div.log`); functions listen; true is an attribute without a value, false is none. */
export function h<K extends keyof HTMLElementTagNameMap = "div">(
  selector: K | `${K}.${string}`,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const [name = "div", ...classes] = selector.split(".");
  const element = ofDocument("createElement")(name);
  if (classes.length > 0) element.className = classes.join(" ");
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(key, value as (event: Event) => void);
    else setAttribute(element, key, value);
  }
  add(element, ...children);
  return element as HTMLElementTagNameMap[K];
}

/** As `append`, which libraries replace. */
export function add(parent: Node, ...children: Child[]): void {
  for (const child of children) {
    if (child === null || child === false) continue;
    parent.appendChild(typeof child === "string" ? ofDocument("createTextNode")(child) : child);
  }
}

export function setAttribute(element: Element, name: string, value: string | number | boolean | null): void {
  if (value === false || value === null) element.removeAttribute(name);
  else if (element.getAttribute(name) !== String(value))
    element.setAttribute(name, value === true ? "" : String(value));
}

const SVG = "http://www.w3.org/2000/svg";

/** Paths on a 24 × 24 grid, drawn with the colour of the text. */
const ICONS = {
  chat: "M12 3.5c5 0 8.75 3.4 8.75 7.75S17 19 12 19c-.9 0-1.8-.1-2.6-.35L5 20.5l.9-3.6c-1.65-1.4-2.65-3.4-2.65-5.65C3.25 6.9 7 3.5 12 3.5ZM8.5 9.75h7M8.5 13h4.5",
  close: "M6 6l12 12M18 6L6 18",
  down: "M6 9.5l6 6 6-6",
  send: "M12 19V5.5M6 11l6-6 6 6",
  stop: "M7.5 7.5h9v9h-9z",
  up: "M7 10.5v9M7 10.5l4-7c1.5 0 2.5 1 2.2 2.6L12.6 9h5.6a2 2 0 0 1 2 2.4l-1.2 6.4a2.2 2.2 0 0 1-2.2 1.7H7M7 10.5H4v9h3",
  thumbDown:
    "M17 13.5v-9M17 13.5l-4 7c-1.5 0-2.5-1-2.2-2.6l.6-2.9H5.8a2 2 0 0 1-2-2.4L5 6.2a2.2 2.2 0 0 1 2.2-1.7H17M17 13.5h3v-9h-3",
  retry: "M19.5 12a7.5 7.5 0 1 1-2.2-5.3l2.2 2.2M19.5 4.5v4.4h-4.4",
} as const;

export type IconName = keyof typeof ICONS;

export function icon(name: IconName): SVGSVGElement {
  const create = ofDocument("createElementNS");
  const svg = create(SVG, "svg") as SVGSVGElement;
  const path = create(SVG, "path");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  path.setAttribute("d", ICONS[name]);
  add(svg, path);
  return svg;
}

/** Something is being done. */
export const dots = (): HTMLElement => h("span.dots", { "aria-hidden": "true" }, h("i"), h("i"), h("i"));

/** A button that shows an icon and says what it does. */
export const iconButton = (name: IconName, classes: string, label: string, onClick: () => void): HTMLButtonElement =>
  h(`button.${classes}`, { type: "button", "aria-label": label, title: label, click: onClick }, icon(name));
