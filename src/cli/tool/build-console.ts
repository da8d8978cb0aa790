/** How the console is built: an entry, and pieces that are loaded when somebody goes there, by names with a hash. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { InlineConfig } from "vite";
import { lexerOnly } from "./build-widget.ts";
import { paths, root } from "./project.ts";

/** Bytes, gzipped, of everything but the charts and the other languages. */
const MAX_CONSOLE = 200 * 1024;

const FILES = "console/files";

export const consoleStep: InlineConfig = {
  root: join(root, "src/pages/console"),
  base: "/",
  plugins: [lexerOnly],
  // Whatever runs the build, also a test: what is shipped is React as it is shipped.
  define: { "process.env.NODE_ENV": '"production"' },
  oxc: { jsx: { runtime: "automatic", development: false } },
  build: {
    cssCodeSplit: false,
    chunkSizeWarningLimit: 600,
    rolldownOptions: {
      // Packages say "use client", which means something to servers only.
      checks: { moduleLevelDirective: false },
      input: join(root, "src/pages/console/console.html"),
      output: {
        entryFileNames: `${FILES}/[name]-[hash].js`,
        chunkFileNames: `${FILES}/[name]-[hash].js`,
        assetFileNames: `${FILES}/[name]-[hash][extname]`,
      },
    },
  },
};

/** Throws when the console is larger than MAX_CONSOLE. */
export function checkConsoleSize(): void {
  const folder = join(paths.assets, FILES);
  const names = readdirSync(folder).filter((name) => !/^(charts|de|fr|es|ar)-/.test(name));
  const sizes = names.map((name) => gzipSync(readFileSync(join(folder, name)), { level: 9 }).length);
  const size = sizes.reduce((sum, one) => sum + one, 0);
  if (size > MAX_CONSOLE) throw new Error(`The console is ${size} bytes gzipped, and must be at most ${MAX_CONSOLE}`);
}
