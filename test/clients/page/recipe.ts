/** Bundles a recipe of `examples` with what a site around it would add: who the visitor is, kept for the next page. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build, type Rollup } from "vite";
import { root } from "../../../src/cli/tool/project.ts";

/** The text of the one script that mounts examples/<name>.tsx. */
export async function buildRecipe(name: string): Promise<string> {
  const result = await build({
    configFile: false,
    logLevel: "error",
    publicDir: false,
    // So that packages are those of the examples.
    root: join(root, "examples"),
    resolve: { alias: { recipe: join(root, "examples", `${name}.tsx`) }, dedupe: ["react", "react-dom"] },
    oxc: { jsx: { runtime: "automatic", development: false } },
    define: { "process.env.NODE_ENV": '"production"' },
    build: {
      write: false,
      target: "es2022",
      modulePreload: false,
      rollupOptions: {
        input: fileURLToPath(new URL(`mount-${name}.tsx`, import.meta.url).href),
        output: { codeSplitting: false },
      },
    },
  });
  const { output } = (Array.isArray(result) ? result[0] : result) as Rollup.RollupOutput;
  return output[0].code;
}
