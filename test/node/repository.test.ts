/** The checkout agrees with itself: what the documents name exists, and CI runs what the README says. */
import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import lintConfig from "../../oxlint.config.ts";
import { variableNames } from "../../src/config.ts";
import { root } from "../../src/cli/tool/project.ts";

const read = (path: string) => readFileSync(join(root, path), "utf8");
const documents = [
  "README.md",
  "CONTRIBUTING.md",
  "clients/typescript/README.md",
  ...readdirSync(join(root, "docs")).map((name) => `docs/${name}`),
].filter((path) => path.endsWith(".md"));
const scripts = JSON.parse(read("package.json")).scripts as Record<string, string>;

/** `src/…`, `test/…` or a file at the top, as code in a document. */
const FOLDERS = ["src", "bench", "examples", "test", "migrations", "migrations-search", "docs", ".ci", ".github"];
const TOP = /^\.?[\w-]+\.(?:toml|json|md|ts|yaml)$/;
const isPath = (code: string) => FOLDERS.some((name) => code === name || code.startsWith(`${name}/`)) || TOP.test(code);

describe.each(documents)("%s", (path) => {
  const text = read(path);

  it("names only paths that exist", () => {
    const named = [...text.matchAll(/`([^`\s]+)`/g)].map(([, code = ""]) => code).filter(isPath);
    const linked = [...text.matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)].map(([, target = ""]) =>
      join(dirname(path), target),
    );
    expect([...named, ...linked].filter((name) => !existsSync(join(root, name)))).toEqual([]);
  });

  it("names only commands that exist", () => {
    const run = [...text.matchAll(/npm run ([\w:-]+)/g)].map(([, name = ""]) => name);
    expect(run.filter((name) => !(name in scripts))).toEqual([]);
  });
});

describe("docs/recipes.md", () => {
  const blocks = [...read("docs/recipes.md").matchAll(/<!-- (examples\/\S+) -->\n\n```\w+\n(.*?)\n```/gs)];

  it.each(blocks.map(([, path = "", code = ""]) => [path, code]))("shows %s as it is tested", (path, code) => {
    expect(code).toBe(read(path).trimEnd());
  });

  it("shows every recipe", () => {
    // Parts of one, and what only configures them.
    const others = ["auth.ts", "package.json", "tsconfig.json"];
    const files = readdirSync(join(root, "examples"), { withFileTypes: true }).filter((one) => one.isFile());
    const recipes = files.map(({ name }) => name).filter((name) => !others.includes(name));
    expect(new Set(blocks.map(([, path]) => path))).toEqual(new Set(recipes.map((name) => `examples/${name}`)));
  });
});

describe("The documents", () => {
  it("explain every variable, and no other", () => {
    const explained = [...read("docs/configuration.md").matchAll(/^\| `(\w+)`/gm)].map(([, name]) => name);
    expect(new Set(explained)).toEqual(new Set(variableNames()));
  });

  it("name every folder of src", () => {
    const folders = readdirSync(join(root, "src")).filter((name) => statSync(join(root, "src", name)).isDirectory());
    const filled = folders.filter((name) => readdirSync(join(root, "src", name)).length > 0);
    expect(filled.filter((name) => !read("docs/architecture.md").includes(`\`src/${name}\``))).toEqual([]);
  });

  it("explain every line of the log", () => {
    const files = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" }).filter((name) =>
      name.endsWith(".ts"),
    );
    const logged = files.flatMap((name) =>
      [...read(`src/${name}`).matchAll(/(?:console\.\w+|\blog)\((?:JSON\.stringify\()?\{[^}]*?\bevent: "(\w+)"/g)].map(
        ([, event]) => event,
      ),
    );
    expect(logged.length).toBeGreaterThan(20);
    expect(logged.filter((event) => !read("docs/operating.md").includes(`\`${event}\``))).toEqual([]);
  });

  it("are all found from the README", () => {
    const named = documents.filter((path) => path !== "README.md" && !read("README.md").includes(`](${path})`));
    expect(named).toEqual([]);
  });

  it("have the command line that CI runs", () => {
    const commands = read("README.md").match(/^npm ci && npm .+$/gm);
    expect(commands).toEqual(["npm ci && npm start", "npm ci && npm test"]);
    expect(read(".ci/run").split("\n")).toContain("npm ci && npm test");
    expect(read(".github/workflows/ci.yml")).toContain("run: .ci/run");
    expect(statSync(join(root, ".ci/run")).mode & 0o111).toBe(0o111);
  });
});

it("has line feeds at the end of lines, also where it is checked out on Windows", () => {
  expect(read(".gitattributes").split("\n")).toContain("* text=auto eol=lf");
  const files = ["README.md", ".ci/run", ".dev.vars.example", "package.json", "src/index.ts", "examples/chat.py"];
  expect(files.filter((path) => read(path).includes("\r"))).toEqual([]);
});

/** The configuration as JSON, without the rules that need types. */
const untyped = { ...lintConfig, options: { ...lintConfig.options, typeAware: false } };

describe("The linter", () => {
  const forbidden: [folder: string, imported: string][] = [
    ["net", "../problem/problem.ts"],
    ["problem", "hono"],
    ["auth", "../http/authenticate.ts"],
    ["auth", "@ai-sdk/openai"],
    ["db", "hono"],
    ["db", "../http/context.ts"],
    ["db", "../chat/journal/journal.ts"],
    ["chat", "hono"],
    ["chat", "./journal/journal.ts"],
    ["chat", "../db/schema.ts"],
    ["chat/journal", "drizzle-orm"],
    ["chat/journal", "../engine/engine.ts"],
    ["chat/engine", "ai"],
    ["chat/engine", "cloudflare:workers"],
    ["chat/engine", "../../db/audit.ts"],
    ["chat/projection", "../../http/context.ts"],
    ["models", "hono"],
    ["models", "../db/schema.ts"],
    ["object", "../http/context.ts"],
    ["object", "../routes/docs.ts"],
    ["http", "../routes/docs.ts"],
    ["http", "../object/agent-cache.ts"],
    ["routes", "drizzle-orm"],
    ["routes", "ai"],
    ["routes", "cloudflare:workers"],
    ["routes", "../object/conversation-object.ts"],
    ["routes", "../chat/engine/engine.ts"],
    ["routes", "../cli/tool/project.ts"],
    ["cli", "../../bench/report.ts"],
  ];

  it("holds the borders between folders", () => {
    // A folder of its own, with one file for each import that must be refused.
    const copy = mkdtempSync(join(tmpdir(), "conversations-lint-"));
    try {
      writeFileSync(join(copy, ".oxlintrc.json"), JSON.stringify(untyped));
      const files = forbidden.map(([folder, imported], i) => {
        const file = `src/${folder}/border-${i}.ts`;
        mkdirSync(join(copy, "src", folder), { recursive: true });
        writeFileSync(join(copy, file), `import * as it from ${JSON.stringify(imported)};\nexport const kept = it;\n`);
        return file;
      });
      const refused = lint(copy, "no-restricted-imports");
      expect(files.filter((file) => !refused.some((line) => line.startsWith(file)))).toEqual([]);
    } finally {
      rmSync(copy, { recursive: true });
    }
  });

  it("refuses a circle, also one of types only", () => {
    const copy = mkdtempSync(join(tmpdir(), "conversations-lint-"));
    try {
      writeFileSync(join(copy, ".oxlintrc.json"), JSON.stringify(untyped));
      mkdirSync(join(copy, "src/net"), { recursive: true });
      for (const [own, other] of ["ab", "ba"]) {
        const text = `import type { ${other?.toUpperCase()} } from "./${other}.ts";\nexport type ${own?.toUpperCase()} = { other: ${other?.toUpperCase()} };\n`;
        writeFileSync(join(copy, `src/net/${own}.ts`), text);
      }
      expect(lint(copy, "no-cycle").map((line) => line.split(":")[0])).toEqual(["src/net/a.ts", "src/net/b.ts"]);
    } finally {
      rmSync(copy, { recursive: true });
    }
  });
});

/** Where oxlint finds what `rule` forbids, as `file:line:column: …`. */
function lint(folder: string, rule: string): string[] {
  const args = ["-c", ".oxlintrc.json", "--no-ignore", "-f", "unix", "."];
  try {
    execFileSync(join(root, "node_modules/.bin/oxlint"), args, { cwd: folder, encoding: "utf8", stdio: "pipe" });
    return [];
  } catch (error) {
    const { stdout } = error as { stdout: string };
    return stdout
      .split("\n")
      .filter((line) => line.includes(rule))
      .toSorted();
  }
}
