/** Markdown as the widget reads it: where emphasis and addresses end in any script, and how long that may take. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { emphasesOf } from "../../src/pages/widget/emphasis.ts";
import { lex, type Token } from "../../src/pages/widget/markdown-lexer.ts";
import { sectionsFrom } from "../../src/pages/widget/sections.ts";

const NAMES: Record<string, string> = { strong: "b", em: "i", del: "s", codespan: "code" };

/** Tokens as tags, so that a structure can be read at a glance. */
function tagged(tokens: Token[]): string {
  return tokens
    .map((token): string => {
      const {
        type,
        tokens: within,
        text = "",
        href,
      } = token as { type: string; tokens?: Token[]; text?: string; href?: string };
      const inner = within && type !== "codespan" ? tagged(within) : text;
      if (type === "link") return `<a ${href}>${inner}</a>`;
      const name = NAMES[type];
      return name ? `<${name}>${inner}</${name}>` : inner;
    })
    .join("");
}
const read = (text: string) => tagged(lex(text, Object.create(null)));

describe("emphasis", () => {
  it.each([
    ["これは**「大切」**です。", "これは<b>「大切」</b>です。"],
    ["**第一章：**始まり", "<b>第一章：</b>始まり"],
    ["请看**《指南》**第三页", "请看<b>《指南》</b>第三页"],
    ["他说**“可以”**，然后走了", "他说<b>“可以”</b>，然后走了"],
    ["配送料は**500円(税込)**です", "配送料は<b>500円(税込)</b>です"],
    ["**!注意!**してください", "<b>!注意!</b>してください"],
    ["이것은 **'중요'**합니다", "이것은 <b>'중요'</b>합니다"],
    ["*（補足）*を読む", "<i>（補足）</i>を読む"],
    ["~~（旧）~~新しい", "<s>（旧）</s>新しい"],
    ["ราคา **“100 บาท”**ครับ", "ราคา <b>“100 บาท”</b>ครับ"],
    ["𠮷野家の**「牛丼」**𠮷", "𠮷野家の<b>「牛丼」</b>𠮷"],
    ["**复现：**10 轮", "<b>复现：</b>10 轮"],
    ["**等等……**3个", "<b>等等……</b>3个"],
    ["共**“两项”**OK", "共<b>“两项”</b>OK"],
  ])("leans on full-width marks: %s", (text, expected) => {
    expect(read(text)).toBe(expected);
  });

  it.each([
    ["***a** b*", "<i><b>a</b> b</i>"],
    ["**a *b* c**", "<b>a <i>b</i> c</b>"],
    ["*a **b*", "*a *<i>b</i>"],
    ["*a _b* c_", "<i>a _b</i> c_"],
    ["**a***b*", "<b>a</b><i>b</i>"],
    ["*a***b**", "<i>a</i><b>b</b>"],
    ["a * b * c", "a * b * c"],
    ["2 * 3 ** 4", "2 * 3 ** 4"],
    ["snake_case_name and __init__.py", "snake_case_name and <b>init</b>.py"],
    ["**Note:**text", "**Note:**text"],
    ["~~~a~~~ ~b~~", "~~~a~~~ ~b~~"],
    ["\\*a\\* `*b*` [c*](https://d.example)*", "*a* <code>*b*</code> <a https://d.example>c*</a>*"],
  ])("is CommonMark's: %s", (text, expected) => {
    expect(read(`x ${text}`)).toBe(`x ${expected}`);
  });

  it("pairs delimiters that nest and never cross", () => {
    const text = fc.array(fc.constantFrom("*", "**", "_", "~~", "a", " ", "「", "。")).map((parts) => parts.join(""));
    fc.assert(
      fc.property(text, (written) => {
        const spans = [...emphasesOf(written)].map(([start, { width, close }]) => [start, close + width] as const);
        for (const [start, end] of spans) {
          for (const [from, to] of spans) expect(from > start && from < end && to > end).toBe(false);
        }
      }),
      { numRuns: 1_000, examples: [["**~~***。*"]] },
    );
  });
});

describe("a bare address", () => {
  it.each([
    ["詳細はhttps://a.example/x。次へ", "https://a.example/x"],
    ["见https://a.example/x，谢谢", "https://a.example/x"],
    ["（https://a.example/x?y=1）です", "https://a.example/x?y=1"],
    ["『https://a.example』", "https://a.example"],
    ["https://a.example/x？本当に", "https://a.example/x"],
    ["https://a.example/x：こちら", "https://a.example/x"],
    ["https://a.example/x　全角の空白", "https://a.example/x"],
    ["https://a.example/xからどうぞ", "https://a.example/x"],
    ["https://a.example을 보세요", "https://a.example"],
    ["https://a.example/をご覧ください", "https://a.example/"],
    ["https://a.example/에서 보세요", "https://a.example/"],
    ["https://a.example/서울", "https://a.example/서울"],
    ["“https://a.example/x”", "https://a.example/x"],
    ["https://a.example/目次", "https://a.example/目次"],
    ["https://例え.example/a", "https://例え.example/a"],
    ["(https://a.example/b_(c)).", "https://a.example/b_(c)"],
    ["https://a.example/?q=1&r=2!", "https://a.example/?q=1&r=2"],
  ])("ends where it ends: %s", (text, expected) => {
    expect(read(text)).toContain(`<a ${expected}>${expected}</a>`);
  });

  it("may have no protocol, or be somebody's", () => {
    expect(read("問合せ：me@a.example。")).toContain("<a mailto:me@a.example>me@a.example</a>。");
    expect(read("www.a.example、")).toContain("<a http://www.a.example>www.a.example</a>、");
    expect(read("https:// www. @a a@")).not.toContain("<a");
  });
});

describe("sections", () => {
  it("begin where nothing before goes on", () => {
    const parts = [
      "# Title\n\n",
      "Text\nof two lines.\n\n- a\n\n- b\n\n  c\n\n",
      "```\na\n\nb\n```\n\n",
      "The end, which is here.",
    ];
    expect(sectionsFrom(parts.join(""), 0)).toEqual(parts);
  });

  it("are the same however a text grows", () => {
    const lines = ["a\n", "\n", "- b\n", "1. c\n", "   d\n", "```\n", "> e\n", "1", "text that goes on\n"];
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...lines)), fc.nat(), (picked, cut) => {
        const text = picked.join("");
        const before = sectionsFrom(text.slice(0, cut % (text.length + 1)), 0);
        const settled = before.slice(0, -1).join("");
        expect([...before.slice(0, -1), ...sectionsFrom(text, settled.length)]).toEqual(sectionsFrom(text, 0));
      }),
    );
  });
});

describe("time", () => {
  const UNITS = [
    "*a_",
    "**1+",
    "*h@*",
    "~~a ",
    "[",
    "![[",
    "[a](",
    "](",
    "`",
    "`a``",
    "\\```",
    "<",
    "<!--",
    '<a href="',
    "> ",
    "- ",
    "1. ",
  ];
  const MORE = ["www.", "https://", "a@", "&#", "|", "a|\n", "a\n", "- a\n", "```\n", " ", "\t", "**「", "_1"];

  /** Milliseconds of this thread's own work: what else the machine does takes none of them. */
  function spent(work: () => void): number {
    const before = process.threadCpuUsage();
    work();
    const { user, system } = process.threadCpuUsage(before);
    return (user + system) / 1000;
  }
  const lexAll = (text: string) => {
    for (const section of sectionsFrom(text, 0)) lex(section, Object.create(null));
  };

  it.each([...UNITS, ...MORE])("is bounded for %j, repeated", (unit) => {
    for (const begin of ["", "1. "]) {
      expect(spent(() => lexAll(begin + unit.repeat(32_000 / unit.length)))).toBeLessThan(1_000);
    }
  });

  it("is that of each section: the whole grows with the text", () => {
    expect(spent(() => lexAll(`${"*a_".repeat(3_000)}\n\n`.repeat(20)))).toBeLessThan(2_000);
  });

  it("keeps what is deeper than people read", () => {
    for (const unit of ["> ", "- ", "*a "]) {
      const text = `${unit.repeat(400)}end${unit.startsWith("*") ? "*".repeat(400) : ""}`;
      expect(JSON.stringify(lex(text, Object.create(null)))).toContain("end");
    }
  });
});
