/** `npm run screenshots`: pictures of the widget for the README, taken of the real thing, into docs/images. */
import { mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { BrowserContextOptions, Page } from "playwright-core";
import { DEMO, FAQ_AGENT } from "../../../src/cli/local/demo-data.ts";
import { root } from "../../../src/cli/tool/project.ts";
import { startApi } from "./api.ts";
import { startBrowser } from "./browser.ts";
import { arrive, Visitor } from "./visitor.ts";

/** Bytes; a README should load quickly. */
const MAX_SIZE = 150 * 1024;
/** Pixels of a picture for one of the page. */
const SCALE = 1.5;

const SCENES: Record<string, { screen: BrowserContextOptions; says: string[] }> = {
  desktop: {
    screen: { viewport: { width: 1180, height: 760 } },
    says: ["How long does delivery take?", "And how often should I water my fern?"],
  },
  dark: {
    screen: { viewport: { width: 470, height: 780 }, colorScheme: "dark" },
    says: ["Which plants are safe for cats?", "Can I return a plant?"],
  },
  phone: {
    screen: { viewport: { width: 375, height: 780 }, isMobile: true, hasTouch: true },
    says: ["My plant arrived damaged. What now?", "Are you open on Saturday?"],
  },
};

const folder = join(root, "docs/images");
mkdirSync(folder, { recursive: true });
const api = await startApi();
const browser = await startBrowser();
try {
  const { id: _, ...shop } = DEMO.agents.find(({ id }) => id === FAQ_AGENT) ?? DEMO.agents[0] ?? {};
  const { id } = await api.agent({ ...shop, lead_form: "none" });
  for (const [name, { screen, says }] of Object.entries(SCENES)) {
    const context = await arrive(browser, { reducedMotion: "reduce", ...screen });
    const visitor = await (await Visitor.at(context, `${api.url}/demo?agent=${id}&alone`)).open();
    for (const [n, text] of says.entries()) {
      await visitor.say(text);
      await visitor.panel.getByRole("button", { name: "Good answer" }).nth(n).waitFor();
    }
    const file = join(folder, `widget-${name}.webp`);
    writeFileSync(file, await capture(visitor.page));
    const { size } = statSync(file);
    if (size > MAX_SIZE) throw new Error(`${file} has ${size} bytes, and may have ${MAX_SIZE}`);
    process.stdout.write(`${file}  ${Math.round(size / 1024)} KiB\n`);
    await context.close();
  }
} finally {
  await browser.close();
  await api.stop();
}

/** What the page shows, as WebP, which Playwright itself does not write; sharp on dense screens too. */
async function capture(page: Page): Promise<Buffer> {
  const session = await page.context().newCDPSession(page);
  const { width = 0, height = 0 } = page.viewportSize() ?? {};
  const clip = { x: 0, y: 0, width, height, scale: SCALE };
  const { data } = await session.send("Page.captureScreenshot", { format: "webp", quality: 86, clip });
  return Buffer.from(data, "base64");
}
