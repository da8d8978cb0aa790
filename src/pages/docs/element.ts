/** DOM elements from plain values. Text stays text: nothing here ever parses HTML. */

type Child = Node | string | null | undefined | false | Child[];
type Attributes = Record<string, string | boolean | ((event: Event) => void)>;

/** `h("a.link", { href }, "text")`: classes follow the name, functions are listeners. */
export function h(selector: string, attributes: Attributes = {}, ...children: Child[]): HTMLElement {
  const [name = "div", ...classes] = selector.split(".");
  const element = document.createElement(name);
  if (classes.length > 0) element.className = classes.join(" ");
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(key, value);
    else if (value !== false) element.setAttribute(key, value === true ? "" : value);
  }
  append(element, children);
  return element;
}

function append(element: HTMLElement, children: Child[]): void {
  for (const child of children) {
    if (Array.isArray(child)) append(element, child);
    else if (child !== null && child !== undefined && child !== false) element.append(child);
  }
}

/** The little Markdown that descriptions use: paragraphs, `code` and **bold**. */
export const prose = (text: string): HTMLElement[] =>
  text.split(/\n{2,}/).map((paragraph) => h("p", {}, ...inline(paragraph)));

export const inline = (text: string): Child[] =>
  text.split(/(`[^`]+`|\*\*[^*]+\*\*)/).map((piece) => {
    if (piece.startsWith("`") && piece.length > 1) return h("code", {}, piece.slice(1, -1));
    if (piece.startsWith("**") && piece.length > 3) return h("strong", {}, piece.slice(2, -2));
    return piece;
  });

/** Code with a button that copies it. */
export function codeBlock(label: string, code: string): HTMLElement {
  const button = h("button", { type: "button", "aria-label": `Copy ${label}` }, "Copy");
  button.addEventListener("click", () => {
    void navigator.clipboard.writeText(code).then(() => {
      button.textContent = "Copied";
      setTimeout(() => (button.textContent = "Copy"), 1500);
    });
  });
  return h("figure.code", {}, h("figcaption", {}, label, button), h("pre", { tabindex: "0" }, h("code", {}, code)));
}
