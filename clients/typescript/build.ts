/** `npm run client`: generates the types from the service's own OpenAPI document, and compiles the client into `dist`. */
import { execFileSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { api } from "../../src/app.ts";
import { openApiDocument } from "../../src/openapi/document.ts";

const folder = import.meta.dirname;
const require = createRequire(join(folder, "package.json"));

/** Throws with the compiler's messages. */
export async function buildClient(): Promise<void> {
  const document = join(folder, "openapi.json");
  writeFileSync(document, JSON.stringify(openApiDocument(api.specs)));
  rmSync(join(folder, "dist"), { recursive: true, force: true });
  run("openapi-typescript/bin/cli.js", document, "-o", join(folder, "src/api.ts"));
  run("typescript/bin/tsc", "-p", folder);
}

/** Runs the command of a package at its place. */
function run(path: string, ...args: string[]): void {
  const [name = "", ...inside] = path.split("/");
  const file = join(require.resolve(`${name}/package.json`), "..", ...inside);
  try {
    execFileSync(process.execPath, [file, ...args], { stdio: "pipe", encoding: "utf8" });
  } catch (error) {
    throw new Error((error as { stdout: string }).stdout, { cause: error });
  }
}

if (import.meta.main) await buildClient();
