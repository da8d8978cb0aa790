/** Bundles the page with one major of the AI SDK, as the packages come. */
import { fileURLToPath } from "node:url";
import { build, type Rollup } from "vite";

/** The text of the one script that the page needs. */
export async function buildPage(major: number): Promise<string> {
  const result = await build({
    configFile: false,
    logLevel: "error",
    publicDir: false,
    root: fileURLToPath(new URL(".", import.meta.url).href),
    resolve: {
      alias: [
        { find: /^use-chat$/, replacement: `ai-react${major}` },
        { find: /^ai$/, replacement: `ai${major}` },
      ],
      dedupe: ["react", "react-dom"],
    },
    define: { "process.env.NODE_ENV": '"production"' },
    build: {
      write: false,
      target: "es2022",
      modulePreload: false,
      rollupOptions: {
        input: fileURLToPath(new URL("chat.ts", import.meta.url).href),
        output: { codeSplitting: false },
      },
    },
  });
  const { output } = (Array.isArray(result) ? result[0] : result) as Rollup.RollupOutput;
  return output[0].code;
}
