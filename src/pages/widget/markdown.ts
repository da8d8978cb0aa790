/**
 * Markdown as DOM nodes. marked finds the structure; elements are made one by one from a fixed list and text is set as
 * text, so that there is no HTML to sanitise: tags in a reply are shown as they were written, and images are links.
 */
import { add, h } from "./dom.ts";
import { lex, type Links, MAX_DEPTH, type Token, type Tokens } from "./markdown-lexer.ts";
import { sectionsFrom } from "./sections.ts";

const PROTOCOLS = /^(https?|mailto|tel):$/;

type Section = { start: number; length: number; tokens: Token[] };

/** A text that grows is read and drawn from its last section on; blocks that are unchanged keep their nodes. */
export class MarkdownView {
  readonly element = h("div.md", { dir: "auto" });
  #text = "";
  #sections: Section[] = [];
  #links: Links = Object.create(null);
  #blocks: string[] = [];

  update(written: string): void {
    const text = written.replace(/\r\n?/g, "\n");
    if (text.startsWith(this.#text)) this.#sections.pop();
    else {
      this.#sections = [];
      this.#links = Object.create(null);
    }
    this.#text = text;
    this.#read();
    this.#draw(this.#sections.flatMap(({ tokens }) => tokens));
  }

  #read(): void {
    const known = Object.keys(this.#links).length;
    const last = this.#sections.at(-1);
    let start = last ? last.start + last.length : 0;
    for (const text of sectionsFrom(this.#text, start)) {
      this.#sections.push({ start, length: text.length, tokens: lex(text, this.#links) });
      start += text.length;
    }
    if (Object.keys(this.#links).length === known) return;
    // What is defined at the end may be named before.
    for (const section of this.#sections)
      section.tokens = lex(this.#text.slice(section.start, section.start + section.length), this.#links);
  }

  #draw(tokens: Token[]): void {
    const blocks = tokens.map(({ raw }) => raw);
    let same = 0;
    while (same < blocks.length && blocks[same] === this.#blocks[same]) same++;
    while (this.element.children.length > same) this.element.lastElementChild?.remove();
    for (const token of tokens.slice(same)) add(this.element, h("div", {}, ...block(token, 0)));
    this.#blocks = blocks;
  }
}

const blocks = (tokens: Token[] | undefined, depth: number): (Node | string)[] =>
  (tokens ?? []).flatMap((token) => block(token, depth));
const inline = blocks;

/** The nodes of a token. What is not named here is text. */
function block(token: Token, depth: number): (Node | string)[] {
  if (depth > MAX_DEPTH) return [token.raw];
  const within = depth + 1;
  switch (token.type) {
    case "space":
    case "def":
      return [];
    case "unread":
      return [h("p.unread", {}, token.raw)];
    case "paragraph":
      return [h("p", {}, ...inline(token.tokens, within))];
    case "heading":
      return [h("p.heading", {}, ...inline(token.tokens, within))];
    case "strong":
    case "em":
    case "del":
    case "blockquote":
      return [h(token.type, {}, ...blocks(token.tokens, within))];
    case "br":
    case "hr":
      return [h(token.type)];
    case "codespan":
      return [h("code", { dir: "ltr" }, token["text"] as string)];
    case "code":
      return [h("pre", { tabindex: 0, dir: "ltr" }, h("code", {}, token["text"] as string))];
    case "list":
      return [list(token as Tokens.List, within)];
    case "table":
      return [table(token as Tokens.Table, within)];
    case "link":
      return [link(token as Tokens.Link, inline(token.tokens, within))];
    case "image":
      return [link(token as Tokens.Image, [(token as Tokens.Image).text || (token as Tokens.Image).href])];
    case "text":
      return token.tokens ? inline(token.tokens, within) : [decode((token as Tokens.Text).text)];
    case "escape":
      return [(token as Tokens.Escape).text];
    case "checkbox":
      return [(token as Tokens.Checkbox).checked ? "☑ " : "☐ "];
    default:
      return [token.raw];
  }
}

function list({ ordered, start, items }: Tokens.List, depth: number): HTMLElement {
  const entries = items.map((item) => h("li", {}, ...blocks(item.tokens, depth)));
  return ordered ? h("ol", start === 1 || start === "" ? {} : { start }, ...entries) : h("ul", {}, ...entries);
}

function table({ header, rows }: Tokens.Table, depth: number): HTMLElement {
  const row = (cells: Tokens.TableCell[], name: "th" | "td") =>
    h("tr", {}, ...cells.map((cell) => h(name, name === "th" ? { scope: "col" } : {}, ...inline(cell.tokens, depth))));
  const body = rows.map((cells) => row(cells, "td"));
  return h("div.table", { tabindex: 0 }, h("table", {}, h("thead", {}, row(header, "th")), h("tbody", {}, ...body)));
}

/** A link that opens beside the page and tells nothing of it; only its text when it leads to anything but a page. */
function link({ href }: { href: string }, children: (Node | string)[]): HTMLElement {
  const url = addressOf(decode(href));
  return url
    ? h("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, ...children)
    : h("span", {}, ...children);
}

function addressOf(href: string): string | null {
  try {
    const url = new URL(href, location.href);
    return PROTOCOLS.test(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

const NAMED: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", nbsp: "\u00a0" };

/** Character references that models write; others stay as they are. */
const decode = (text: string): string =>
  text.replace(
    /&(?:#(\d{1,6})|#x([\da-f]{1,5})|(\w{2,6}));/gi,
    (whole, decimal?: string, hex?: string, name?: string) => {
      if (name) return Object.hasOwn(NAMED, name) ? (NAMED[name] ?? whole) : whole;
      const code = Number.parseInt(decimal ?? hex ?? "", decimal ? 10 : 16);
      return code > 31 && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff) ? String.fromCodePoint(code) : whole;
    },
  );
