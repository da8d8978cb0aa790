/**
 * Markdown as tokens. marked finds the structure; what it does not do in time that grows with the text alone, or only where
 * words have spaces between them, is done here: emphasis, bare addresses and plain text.
 */
import { Lexer, type Token, Tokenizer, type Tokens } from "marked";
import { addressAt } from "./bare-address.ts";
import { type Emphasis, emphasesOf } from "./emphasis.ts";

export type { Token, Tokens };

/** Deeper than this it is no text for people, and the rest is shown as it is. */
export const MAX_DEPTH = 12;

/** Characters of a section that are read as Markdown. */
const MAX_LENGTH = 20_000;
/** Characters of a link, a tag or code within a line, at most. */
const LONGEST = 2_000;
/** Where plain text ends: what could begin something else. An address of more than 64 characters before its @ is none. */
const PLAIN_END = /[\\<[`*_~\n]|!\[|https?:\/\/|www\.|(?<![\w.!#$%&'+/=?^{|}-])[\w.!#$%&'+/=?^{|}-]{1,64}@/gi;
/** What follows a run of backticks or tildes that began nothing is judged anew after all of the run. */
const PLAIN_START = /^(?:`+|~+|[^])/;

/** An underlined heading of at most three lines: looked for before the rule that would read on to the end. */
const UNDERLINED = /^(?:[^\n]*\n){1,3} {0,3}(?:=+|-+) *(?:\n|$)/;

class BoundedTokenizer extends Tokenizer {
  readonly #emphases = new Map<string, Map<number, Emphasis>>();
  #depth = 0;

  override blockquote(src: string): Tokens.Blockquote | undefined {
    return this.#within(() => super.blockquote(src));
  }
  override list(src: string): Tokens.List | undefined {
    return this.#within(() => super.list(src));
  }

  override lheading(src: string): Tokens.Heading | undefined {
    return UNDERLINED.test(src) ? super.lheading(src) : undefined;
  }

  override codespan(src: string): Tokens.Codespan | undefined {
    return super.codespan(src.slice(0, LONGEST));
  }
  override tag(src: string): Tokens.Tag | undefined {
    return super.tag(src.slice(0, LONGEST));
  }
  override link(src: string): Tokens.Link | Tokens.Image | undefined {
    return super.link(src.slice(0, LONGEST));
  }

  #within<T>(work: () => T): T | undefined {
    if (this.#depth >= MAX_DEPTH) return undefined;
    this.#depth++;
    const result = work();
    this.#depth--;
    return result;
  }

  override url(src: string): Tokens.Link | undefined {
    const address = addressAt(src);
    if (!address) return undefined;
    const { raw, href } = address;
    return { type: "link", raw, text: raw, href, tokens: [{ type: "text", raw, text: raw }] };
  }

  override inlineText(src: string): Tokens.Text {
    PLAIN_END.lastIndex = PLAIN_START.exec(src)?.[0].length ?? 1;
    const raw = src.slice(0, PLAIN_END.exec(src)?.index);
    return { type: "text", raw, text: raw, escaped: false };
  }

  /** `masked` is the text around `src`, which is its end; nothing in it but emphasis has delimiters. */
  override emStrong(src: string, masked: string): Tokens.Em | Tokens.Strong | undefined {
    return this.#emphasis(src, masked) as Tokens.Em | Tokens.Strong | undefined;
  }
  override del(src: string, masked: string): Tokens.Del | undefined {
    return this.#emphasis(src, masked) as Tokens.Del | undefined;
  }

  #emphasis(src: string, masked: string): Token | undefined {
    if (!/^[*_~]/.test(src)) return undefined;
    let all = this.#emphases.get(masked);
    if (!all) this.#emphases.set(masked, (all = emphasesOf(masked)));
    const start = masked.length - src.length;
    const emphasis = all.get(start);
    if (!emphasis) return undefined;
    const { width, close } = emphasis;
    const raw = src.slice(0, close + width - start);
    const text = raw.slice(width, -width);
    const type = src.startsWith("~") ? "del" : width === 2 ? "strong" : "em";
    const tokens = this.#within(() => this.lexer.inlineTokens(text)) ?? [{ type: "text", raw: text, text }];
    return { type, raw, text, tokens };
  }
}

/** Where link definitions lead, by their names. */
export type Links = Record<string, { href: string; title: string }>;

/**
 * The blocks of a section. `links` collects its link definitions, and has those of other sections. What is too long to be
 * read in a moment is one block of the type "unread".
 */
export function lex(text: string, links: Links): Token[] {
  const unread = [{ type: "unread", raw: text }];
  if (text.length > MAX_LENGTH) return unread;
  const lexer = new Lexer({ gfm: true, breaks: true, tokenizer: new BoundedTokenizer() });
  lexer.tokens.links = links;
  try {
    return lexer.lex(text);
  } catch {
    return unread;
  }
}
