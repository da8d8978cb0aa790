/** Pictures for the documentation. */
import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { root } from "../../../src/cli/tool/project.ts";

/** Bytes; a README should load quickly. */
const MAX_SIZE = 150 * 1024;
/** Pixels of a picture for one of the page. */
const SCALE = 1.5;

/** Writes what the page shows as docs/images/<name>.webp, which Playwright itself cannot; sharp on dense screens too. */
export async function picture(page: Page, name: string): Promise<void> {
  const session = await page.context().newCDPSession(page);
  const { width = 0, height = 0 } = page.viewportSize() ?? {};
  const clip = { x: 0, y: 0, width, height, scale: SCALE };
  const { data } = await session.send("Page.captureScreenshot", { format: "webp", quality: 86, clip });
  const file = join(root, "docs/images", `${name}.webp`);
  writeFileSync(file, Buffer.from(data, "base64"));
  const { size } = statSync(file);
  if (size > MAX_SIZE) throw new Error(`${file} has ${size} bytes, and may have ${MAX_SIZE}`);
  process.stdout.write(`${file}  ${Math.round(size / 1024)} KiB\n`);
}
