/** Pictures of the console for the README and docs/console.md, taken of the real thing, into docs/images. */
import type { BrowserContextOptions } from "playwright-core";
import { DEMO, FAQ_AGENT } from "../../../src/cli/local/demo-data.ts";
import { startApi } from "../widget/api.ts";
import { startBrowser } from "../widget/browser.ts";
import { picture } from "../widget/capture.ts";
import { Staff, tokenOf } from "./staff.ts";

const SCENES: Record<string, BrowserContextOptions> = {
  inbox: { viewport: { width: 1280, height: 760 } },
  dark: { viewport: { width: 1040, height: 700 }, colorScheme: "dark" },
  phone: { viewport: { width: 375, height: 740 }, isMobile: true, hasTouch: true },
};

const PEOPLE = ["Ada", "Grace", "Alan", "Lin", "Mary", "Tim", "Radia", "Barbara", "Edsger", "Donald"];
const QUESTIONS = [
  ...["Are you open on Saturday?", "How long does delivery take?", "Where is my parcel? It has not arrived yet"],
  ...[
    "Can I return a plant?",
    "My monstera has yellow leaves",
    "Do you ship to Portugal?",
    "Which plants are safe for cats?",
  ],
];

const api = await startApi();

/** A request of whoever has this token. */
async function sendAs(token: string, path: string, body: object): Promise<any> {
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const response = await fetch(`${api.url}/v1${path}`, { method: "POST", headers, body: JSON.stringify(body) });
  if (!response.ok) throw new Error(await response.text());
  return response.json();
}

const browser = await startBrowser();
try {
  const { id: _, ...shop } = DEMO.agents.find(({ id }) => id === FAQ_AGENT) ?? DEMO.agents[0] ?? {};
  const { id: agent_id } = await api.agent({ ...shop, lead_form: "none" });
  const token = await tokenOf(api, "Vera", "admin");
  let last = "";
  for (const [n, name] of PEOPLE.entries()) {
    const body = { entity_type: "lead", external_id: name, name, email: `${name.toLowerCase()}@example.com` };
    const { access_token } = await api.call("POST", "/v1/auth/token", body);
    last = (await sendAs(access_token, "/conversation", { agent_id })).conversation.id;
    for (let q = 0; q <= n % 3; q++) {
      await sendAs(access_token, `/conversation/${last}/chat`, { message: QUESTIONS[(n + q + 1) % QUESTIONS.length] });
    }
    if (n !== PEOPLE.length - 1) continue;
    await sendAs(token, `/conversation/${last}/reply`, {
      message: `Hello ${name}, I looked into it. Your parcel is **on its way** and arrives on Friday.`,
    });
    await sendAs(access_token, `/conversation/${last}/chat`, {
      message: "Great, thank you! And can I return the pot?",
    });
  }
  for (const [name, screen] of Object.entries(SCENES)) {
    const staff = await Staff.signedIn(browser, api, token, { reducedMotion: "reduce", ...screen });
    await staff.open(last);
    await staff.sees("can I return the pot");
    await staff.page.locator(".skeleton").first().waitFor({ state: "detached" });
    await picture(staff.page, `console-${name}`);
    await staff.close();
  }
} finally {
  await browser.close();
  await api.stop();
}
