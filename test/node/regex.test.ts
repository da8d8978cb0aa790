/** No regular expression of the Worker or of a page takes more than linear time, whatever it is given. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { check } from "recheck";
import { parseSync } from "vite";
import { describe, expect, it, vi } from "vitest";
import { root } from "../../src/cli/tool/project.ts";

type Found = { place: string; pattern: string; flags: string };

/** Files of what runs on a server or in a browser; the command line reads nobody's input. */
const files = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })
  .filter((name) => /\.tsx?$/.test(name) && !name.startsWith("cli/"))
  .map((name) => join("src", name))
  .filter((name) => statSync(join(root, name)).isFile());

function literalsOf(file: string): Found[] {
  const code = readFileSync(join(root, file), "utf8");
  const found: Found[] = [];
  const walk = (node: unknown): void => {
    if (typeof node !== "object" || node === null) return;
    const { type, regex, start } = node as {
      type?: string;
      regex?: { pattern: string; flags: string };
      start?: number;
    };
    if (type === "Literal" && regex) {
      found.push({ place: `${file}:${code.slice(0, start).split("\n").length}`, ...regex });
    }
    for (const child of Object.values(node)) walk(child);
  };
  walk(parseSync(file, code).program);
  return found;
}

/** Those that a file of the Worker puts together of parts. */
async function constructed(): Promise<Found[]> {
  const found: Found[] = [];
  const Native = globalThis.RegExp;
  globalThis.RegExp = new Proxy(Native, {
    construct(target, [pattern, flags], self: typeof Native) {
      const made = Reflect.construct(target, [pattern, flags], self) as RegExp;
      const { stack = "" } = new Error("where");
      const place = /\/(src\/[\w/-]+\.ts:\d+)/.exec(stack)?.[1];
      if (place) found.push({ place, pattern: made.source, flags: made.flags });
      return made;
    },
  });
  try {
    // Another file of this process may have loaded it already.
    vi.resetModules();
    await import("../../src/app.ts");
  } finally {
    globalThis.RegExp = Native;
  }
  return found;
}

describe("Every regular expression", () => {
  it("is linear", { tags: "slow", timeout: 300_000 }, async () => {
    const literals = files.flatMap(literalsOf);
    const made = await constructed();
    expect(literals.length).toBeGreaterThan(100);
    expect(made.map(({ place }) => place.replace(/:\d+$/, ""))).toEqual(
      expect.arrayContaining(["src/http/fields.ts", "src/routes/analytic/csv.ts"]),
    );
    const slow: string[] = [];
    const all = new Map([...literals, ...made].map((found) => [`/${found.pattern}/${found.flags}`, found]));
    for (const { place, pattern, flags } of all.values()) {
      // Exact and the same each time; what it cannot decide in time is not held against anybody.
      const found = await check(pattern, flags, { checker: "automaton", timeout: 5_000 });
      if (found.status === "vulnerable")
        slow.push(`${place} /${pattern}/${flags}: ${JSON.stringify(found).slice(0, 500)}`);
    }
    expect(slow).toEqual([]);
  });
});
