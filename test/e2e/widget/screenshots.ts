/** `npm run screenshots`: pictures of the widget for the README, taken of the real thing, into docs/images. */
import type { BrowserContextOptions } from "playwright-core";
import { DEMO, FAQ_AGENT } from "../../../src/cli/local/demo-data.ts";
import { startApi } from "./api.ts";
import { startBrowser } from "./browser.ts";
import { picture } from "./capture.ts";
import { arrive, Visitor } from "./visitor.ts";

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
    await picture(visitor.page, `widget-${name}`);
    await context.close();
  }
  // A visitor beside somebody of the staff, who has taken the conversation over.
  const key = `#${api.keys.api_key}:${api.keys.api_secret}`;
  const context = await arrive(browser, { reducedMotion: "reduce", viewport: { width: 1500, height: 820 } });
  const visitor = await (await Visitor.at(context, `${api.url}/demo?agent=${id}${key}`)).open();
  const desk = visitor.page.frameLocator(".desk iframe");
  await visitor.say("My plant arrived damaged. What now?");
  await desk.getByRole("button", { name: "Take over", exact: true }).click();
  await desk.locator("#composer").fill("I am sorry! I am sending you a new one today.");
  await desk.locator("#composer").press("Enter");
  await visitor.sees("I am sorry!");
  await desk.getByRole("log", { name: "Messages" }).getByText("I am sorry!").waitFor();
  await picture(visitor.page, "both-sides");
  await context.close();
} finally {
  await browser.close();
  await api.stop();
}
