/** `npm run build`: builds everything that is served as a static file into dist/public. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build, type InlineConfig } from "vite";
import { ALWAYS, OVER_HTTPS } from "../http/headers.ts";
import { checkConsoleSize, consoleStep } from "./tool/build-console.ts";
import { checkWidgetSize, demoStep, widgetStep } from "./tool/build-widget.ts";
import { paths, root } from "./tool/project.ts";

/** A page of src/pages with its script and style in a folder of its name. `setup.html` is served as /setup. */
const pageStep = (name: string): InlineConfig => ({
  root: join(root, "src/pages", name),
  base: "/",
  build: {
    rolldownOptions: {
      input: join(root, "src/pages", name, `${name}.html`),
      output: { entryFileNames: `${name}/[name].js`, assetFileNames: `${name}/[name][extname]` },
    },
  },
});

/** Vite builds that run one after another into the same folder. */
const steps: InlineConfig[] = [pageStep("docs"), pageStep("setup"), widgetStep, demoStep, consoleStep];

export async function buildAssets(): Promise<void> {
  rmSync(paths.assets, { recursive: true, force: true });
  mkdirSync(paths.assets, { recursive: true });
  for (const step of steps) {
    await build({
      configFile: false,
      logLevel: "warn",
      publicDir: false,
      ...step,
      build: { outDir: paths.assets, emptyOutDir: false, modulePreload: false, target: "es2022", ...step.build },
    });
  }
  const headers = Object.entries({ ...ALWAYS, ...OVER_HTTPS }).map(([name, value]) => `  ${name}: ${value}\n`);
  writeFileSync(join(paths.assets, "_headers"), `/*\n${headers.join("")}`);
  checkWidgetSize();
  checkConsoleSize();
}

if (import.meta.main) await buildAssets();
