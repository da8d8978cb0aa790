/** Chromium as Debian ships it, installed first where that is possible and nobody did. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";

const CANDIDATES = [
  process.env["CHROMIUM"],
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
];

export async function startBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: browserPath(),
    args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"],
  });
}

/** Where Chromium is. */
export const browserPath = (): string => find() ?? install();

const find = (): string | undefined => CANDIDATES.find((path) => path !== undefined && existsSync(path));

function install(): string {
  if (process.getuid?.() === 0 && existsSync("/usr/bin/apt-get")) {
    execFileSync("apt-get", ["install", "-y", "--no-install-recommends", "chromium"], { stdio: "inherit" });
  }
  const path = find();
  if (!path) throw new Error("The browser tests need Chromium: install it, or set CHROMIUM to its path.");
  return path;
}
