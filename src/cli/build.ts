/** `npm run build`: builds everything that is served as a static file into dist/public. */
import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { build, type InlineConfig } from "vite";
import { api } from "../app.ts";
import { ALWAYS, OVER_HTTPS } from "../http/headers.ts";
import { openApiDocument } from "../openapi/document.ts";
import { buildText } from "./tool/build-text.ts";
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
  const { NODE_ENV } = process.env;
  for (const step of steps) {
    await build({
      configFile: false,
      logLevel: "warn",
      publicDir: false,
      ...step,
      build: { outDir: paths.assets, emptyOutDir: false, modulePreload: false, target: "es2022", ...step.build },
    });
  }
  // Vite sets it for the whole process, and all that this process starts would run as in production.
  if (NODE_ENV === undefined) delete process.env["NODE_ENV"];
  const swagger = dirname(createRequire(import.meta.url).resolve("swagger-ui-dist/package.json"));
  for (const file of ["swagger-ui-bundle.js", "swagger-ui.css"])
    cpSync(join(swagger, file), join(paths.assets, "docs", file));
  cpSync(join(root, "src/pages/docs/sheet.css"), join(paths.assets, "docs/sheet.css"));
  writeFileSync(join(paths.assets, "openapi.json"), JSON.stringify(openApiDocument(api.specs)));
  buildText();
  const headers = Object.entries({ ...ALWAYS, ...OVER_HTTPS }).map(([name, value]) => `  ${name}: ${value}\n`);
  writeFileSync(join(paths.assets, "_headers"), `/*\n${headers.join("")}`);
  checkWidgetSize();
  checkConsoleSize();
}

if (import.meta.main) await buildAssets();
