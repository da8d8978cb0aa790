/** How widget.js and the demo page are built. The widget is one small file that loads no other. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { InlineConfig, Plugin } from "vite";
import { paths, root } from "./project.ts";

/** Bytes, gzipped. */
const MAX_WIDGET = 36 * 1024;

/**
 * Of marked the widget needs the lexer and the tokenizer. The module ends with a default instance that keeps everything else
 * alive; without that end the bundler leaves out what nobody uses, about 4 KiB gzipped.
 */
export const lexerOnly: Plugin = {
  name: "marked-lexer-only",
  transform(code, id) {
    if (!id.endsWith("/marked/lib/marked.esm.js")) return null;
    const end = code.search(/var \w+=new \w+;function \w+\(\w+,\w+\)\{return \w+\.parse\(/);
    const names = ["Lexer", "Tokenizer"].map((name) => new RegExp(`\\b\\w+ as ${name}\\b`).exec(code)?.[0]);
    if (end < 0 || names.includes(undefined)) {
      throw new Error("marked is not built as it was; look at lexerOnly in build-widget.ts");
    }
    return { code: `${code.slice(0, end)}\nexport { ${names.join(", ")} };`, map: null };
  },
};

export const widgetStep: InlineConfig = {
  root: join(root, "src/pages/widget"),
  plugins: [lexerOnly],
  build: {
    rolldownOptions: {
      input: join(root, "src/pages/widget/widget.ts"),
      output: { format: "iife", entryFileNames: "widget.js" },
    },
  },
};

export const demoStep: InlineConfig = {
  root: join(root, "src/pages/demo"),
  base: "/",
  build: {
    rolldownOptions: {
      input: join(root, "src/pages/demo/demo.html"),
      output: { entryFileNames: "demo/[name].js", assetFileNames: "demo/[name][extname]" },
    },
  },
};

/** Throws when widget.js is larger than MAX_WIDGET. */
export function checkWidgetSize(): void {
  const size = gzipSync(readFileSync(join(paths.assets, "widget.js")), { level: 9 }).length;
  if (size > MAX_WIDGET) throw new Error(`widget.js is ${size} bytes gzipped, and must be at most ${MAX_WIDGET}`);
}
