/** Chromium as Debian ships it, installed first where that is possible and nobody did. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";

/** Debian's build without windows, of the same source: it takes a third of the CPU, for each test has a profile of its own. */
const HEADLESS = "chromium-headless-shell";

const CANDIDATES = [
  process.env["CHROMIUM"],
  `/usr/bin/${HEADLESS}`,
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

/** Installs the browser that tests like best, where that can be done; they do with another one. */
export function prepareBrowser(): void {
  if (process.env["CHROMIUM"] === undefined && !existsSync(`/usr/bin/${HEADLESS}`)) install(HEADLESS);
  browserPath();
}

/** Where Chromium is. */
function browserPath(): string {
  const path = find() ?? (install("chromium"), find());
  if (!path) throw new Error("The browser tests need Chromium: install it, or set CHROMIUM to its path.");
  return path;
}

const find = (): string | undefined => CANDIDATES.find((path) => path !== undefined && existsSync(path));

/** Milliseconds that a download may take. */
const PATIENCE = 180_000;

function install(name: string): void {
  if (process.getuid?.() !== 0 || !existsSync("/usr/bin/apt-get")) return;
  const apt = (...args: string[]) => execFileSync("apt-get", args, { stdio: "inherit", timeout: PATIENCE });
  const get = () => apt("install", "-y", "--no-install-recommends", name);
  try {
    try {
      get();
    } catch {
      // The lists of packages may be missing, or older than the packages.
      apt("update");
      get();
    }
  } catch (error) {
    console.warn(`${name} could not be installed: ${String(error)}`);
  }
}
