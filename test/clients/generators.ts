/** Packages that only tests of the OpenAPI document need, in a folder with a lock of its own. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export const folder = join(import.meta.dirname, "generators");

/** The generators are 400 MB that nothing else needs, so they come with the tests that run them and not with `npm ci`: once, until the lock changes. */
export function install(): void {
  const lock = readFileSync(join(folder, "package-lock.json"), "utf8");
  const mark = join(folder, "node_modules/.installed");
  if (existsSync(mark) && readFileSync(mark, "utf8") === lock) return;
  const options = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
  const npm = process.env["npm_execpath"];
  const command = npm ? [process.execPath, npm] : ["npm"];
  const [file = "", ...before] = command;
  execFileSync(file, [...before, ...options], {
    cwd: folder,
    stdio: "pipe",
    shell: process.platform === "win32" && !npm,
  });
  writeFileSync(mark, lock);
}
