/**
 * The documentation as text, for language models and whoever else wants it without a page: /README.md, every file that it
 * leads to, and /llms.txt (llmstxt.org), which lists them. The files are those of the repository, so nothing is said twice.
 */
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { paths, root } from "./project.ts";

const START = "README.md";
/** Addresses in Markdown links that lead to a file of the repository. */
const LINK = /\]\((?![a-z]+:|#)([^)#\s]+)|src="([^":]+)"/g;

/** Writes them all into dist/public. */
export function buildText(): void {
  const files = reachable();
  for (const file of files) {
    const target = join(paths.assets, file);
    mkdirSync(dirname(target), { recursive: true });
    cpSync(join(root, file), target);
  }
  writeFileSync(join(paths.assets, "llms.txt"), llmsText(files));
}

/** The README and the files that links lead to from it, in the order in which a reader meets them. */
function reachable(): string[] {
  const found = [START];
  for (const file of found) {
    if (!file.endsWith(".md")) continue;
    for (const [, link, image] of readFileSync(join(root, file), "utf8").matchAll(LINK)) {
      const path = posix.join(posix.dirname(file), link ?? image ?? "");
      if (!found.includes(path) && !path.startsWith("..") && existsSync(join(root, path))) found.push(path);
    }
  }
  return found;
}

/** Links are from the root; the Worker puts its own address in front. */
function llmsText(files: string[]): string {
  const pages = files.filter((file) => file.endsWith(".md")).map((file) => ({ file, ...headOf(file) }));
  const [readme, ...others] = pages;
  const line = ({ file, title, about }: (typeof pages)[number]) => `- [${title}](/${file}): ${about}`;
  const guides = others.filter(({ file }) => file.startsWith("docs/"));
  const rest = others.filter((page) => !guides.includes(page));
  return `# ${readme?.title}

> ${readme?.about}

${readFileSync(join(root, "src/pages/docs/llms.md"), "utf8").trim()}

## Guides

- [README](/README.md): How to run it, a first conversation, and what to read for what.
${guides.map(line).join("\n")}

## Optional

${rest.map(line).join("\n")}
`;
}

/** A page's heading, and the first paragraph below it on one line, up to the end of its first sentence. */
function headOf(file: string): { title: string; about: string } {
  const [title = "", ...blocks] = readFileSync(join(root, file), "utf8").split(/\r?\n\s*\r?\n/);
  const paragraph = blocks.find((block) => /^[\p{L}`*[]/u.test(block)) ?? "";
  const [sentence = paragraph] = /^.*?[.:](?=\s|$)/s.exec(paragraph) ?? [];
  const about = sentence.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1").replaceAll(/\s+/g, " ");
  return { title: title.replace(/^#\s*/, "").trim(), about: about.replace(/:$/, ".") };
}
