/** The code of docs/recipes.md, file by file, as a reader would use it; page.html is in test/e2e/widget/embedding.test.ts. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { root } from "../../src/cli/tool/project.ts";
import { startBrowser } from "../e2e/widget/browser.ts";
import { type Host, startHost } from "../e2e/widget/host.ts";
import { buildRecipe } from "./page/recipe.ts";
import { api, complete, conversationsWith, history, key, newAgent, spoken, up } from "./service.ts";

const PATIENCE = { timeout: 15_000 };
const run = promisify(execFile);
const examples = join(root, "examples");
/** What the agents of these tests say. */
const SATURDAY = "On Saturday from nine to four.";
const DELIVERY = "Two to three days, wörking days 🌱.";

const environment = (AGENT_ID: string) => ({
  ...process.env,
  CONVERSATIONS_API: api,
  CONVERSATIONS_KEY: key.api_key,
  CONVERSATIONS_SECRET: key.api_secret,
  AGENT_ID,
});

/** Debian's, with Debian's requests; installed where that is possible and nobody did. */
async function python(): Promise<string> {
  const has = (command: string) =>
    run(command, ["-c", "import requests"]).then(
      () => true,
      () => false,
    );
  for (const command of ["python3", "/usr/bin/python3"]) if (await has(command)) return command;
  await run("apt-get", ["install", "-y", "--no-install-recommends", "python3-requests"]);
  return "/usr/bin/python3";
}

describe("on a server", () => {
  it("chat.py holds a conversation, as JSON and as a stream", async () => {
    const agent = await newAgent("recipe-python", [
      complete([SATURDAY]),
      complete(["Two to three days, ", "wörking days 🌱."]),
    ]);
    const { stdout } = await run(await python(), [join(examples, "chat.py")], { env: environment(agent) });
    expect(stdout.split("\n")).toEqual([
      SATURDAY,
      DELIVERY,
      "1 user Are you open on Saturday?",
      `2 assistant ${SATURDAY}`,
      "3 user How long does delivery take?",
      `4 assistant ${DELIVERY}`,
      "",
    ]);
  });

  it("chat.py says what went wrong, by its code", async () => {
    const failed = run(await python(), [join(examples, "chat.py")], { env: environment(crypto.randomUUID()) });
    await expect(failed).rejects.toThrow(/RuntimeError: not_found: .* \(request [\w-]+\)/);
  });

  it("openai.ts goes on with its conversation", async () => {
    const agent = await newAgent("recipe-openai", [complete([SATURDAY]), complete([DELIVERY])]);
    const { stdout } = await run(process.execPath, [join(examples, "openai.ts")], { env: environment(agent) });
    expect(stdout).toBe(`${SATURDAY}\n${DELIVERY}\n`);
    const [conversation, ...others] = await conversationsWith(agent);
    expect(others).toEqual([]);
    expect(await spoken(conversation?.id ?? "")).toHaveLength(4);
  });

  it("next-route.ts streams a turn of the customer who is signed in, and of nobody else", async () => {
    Object.assign(process.env, environment(""));
    const { POST } = await import(join(examples, "next-route.ts"));
    const agent = await newAgent("recipe-next", [complete([SATURDAY])]);
    const token = await tokenOf("vera");
    const id = await begin(agent, token);
    const post = (customer: string | null) =>
      POST(
        new Request("https://shop.example/api/chat", {
          method: "POST",
          headers: { "content-type": "application/json", ...(customer === null ? {} : { "x-customer": customer }) },
          body: JSON.stringify({
            id,
            trigger: "submit-message",
            messages: [{ id: "m", role: "user", parts: [{ type: "text", text: "Open on Saturday?" }] }],
          }),
        }),
      ) as Promise<Response>;
    expect((await post(null)).status).toBe(401);
    expect((await post("mallory")).status).toBe(404);
    const answer = await post("vera");
    expect([answer.status, answer.headers.get("x-vercel-ai-ui-message-stream")]).toEqual([200, "v1"]);
    expect(await answer.text()).toContain('"type":"text-delta"');
    expect(await spoken(id)).toEqual([
      ["user", "complete", "Open on Saturday?"],
      ["assistant", "complete", SATURDAY],
    ]);
  });
});

const post = async (path: string, body: object, headers: Record<string, string>) => {
  const response = await fetch(api + path, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
  return (await response.json()) as any;
};
const keyHeaders = { "x-api-key": key.api_key, "x-api-secret": key.api_secret };
const tokenOf = async (external_id: string): Promise<string> =>
  (await post("/auth/token", { entity_type: "lead", external_id }, keyHeaders)).access_token;
const begin = async (agent_id: string, token: string): Promise<string> =>
  (await post("/conversation", { agent_id }, { authorization: `Bearer ${token}` })).conversation.id;

describe("in a browser", () => {
  let browser: Browser;
  let host: Host;
  beforeAll(async () => {
    [browser, host] = await Promise.all([startBrowser(), startHost()]);
  });
  afterAll(async () => {
    await browser.close();
    await host.close();
  });

  async function open(address: string): Promise<{ page: Page; broken: string[] }> {
    const page = await browser.newPage();
    onTestFinished(() => page.close());
    page.setDefaultTimeout(PATIENCE.timeout);
    const broken: string[] = [];
    page.on("pageerror", (error) => broken.push(error.message));
    await page.goto(address);
    return { page, broken };
  }

  /** A page of another origin whose script mounts a recipe. `parameters` go into the fragment. */
  async function mounted(name: string, parameters: Record<string, string>) {
    const script = host.page({ html: await buildRecipe(name), headers: { "content-type": "text/javascript" } });
    const html = `<!doctype html><title>A shop</title><div id="root"></div><script type="module" src="${script}"></script>`;
    return open(`${host.page({ html })}#${new URLSearchParams(parameters).toString()}`);
  }

  it("use-chat.tsx registers a visitor, talks, and goes on after a reload in mid-answer", async () => {
    const gate = "recipe-use-chat";
    const agent = await newAgent(
      "recipe-use-chat",
      [complete([SATURDAY]), [{ text: "Two to " }, { gate }, ...complete(["three days."])]],
      {
        allowed_origins: [host.origin],
      },
    );
    const { page, broken } = await mounted("use-chat", { api, agent });
    const say = async (text: string) => {
      await page.getByLabel("Message").fill(text);
      await page.getByRole("button", { name: "Send" }).click();
    };
    await say("Open on Saturday?");
    await page.getByText(SATURDAY).waitFor();
    await expect.poll(() => page.getByLabel("Message").inputValue(), PATIENCE).toBe("");
    await say("And delivery?");
    await page.getByText("Two to").waitFor();
    await page.reload();
    await page.getByText("Two to").waitFor();
    await up.openGate(gate);
    await page.getByText("Two to three days.").waitFor();
    const shown = await page.locator("article").evaluateAll((all) => all.map((one) => one.textContent));
    expect(shown).toEqual(["Open on Saturday?", SATURDAY, "And delivery?", "Two to three days."]);
    const [conversation] = await conversationsWith(agent);
    expect(await history(conversation?.id ?? "")).toHaveLength(4);
    expect(broken).toEqual([]);
  });

  it("assistant-ui.tsx lists, opens, names, archives and deletes the customer's conversations", async () => {
    const script = [complete([SATURDAY]), complete([DELIVERY])];
    const agent_id = await newAgent("recipe-assistant-ui", script, { allowed_origins: [host.origin] });
    const token = await tokenOf("anna");
    const { page, broken } = await mounted("assistant-ui", { api, token, agent_id });
    const list = page.getByRole("navigation");
    const said = () => page.locator("article").evaluateAll((all) => all.map((one) => one.textContent));
    const say = async (text: string) => {
      await page.getByLabel("Message").fill(text);
      await page.getByRole("button", { name: "Send" }).click();
    };
    await say("Open on Saturday?");
    await expect.poll(said, PATIENCE).toEqual(["Open on Saturday?", SATURDAY]);
    await list.getByText("Open on Saturday?").waitFor();
    await list.getByRole("button", { name: "New" }).click();
    await expect.poll(said, PATIENCE).toEqual([]);
    await say("And delivery?");
    await expect.poll(said, PATIENCE).toEqual(["And delivery?", DELIVERY]);
    await list.getByText("And delivery?").waitFor();
    // Another day: the list and what was said are from the API.
    await page.reload();
    await list.getByText("Open on Saturday?").click();
    await expect.poll(said, PATIENCE).toEqual(["Open on Saturday?", SATURDAY]);
    const first = page.locator("nav > div").filter({ hasText: "Open on Saturday?" });
    await first.getByRole("button", { name: "Archive" }).click();
    const second = page.locator("nav > div").filter({ hasText: "And delivery?" });
    await second.getByRole("button", { name: "Delete" }).click();
    const left = async () => (await conversationsWith(agent_id)).map((one: any) => [one.title, one.status]);
    await expect.poll(left, PATIENCE).toEqual([["Open on Saturday?", "archived"]]);
    expect(broken).toEqual([]);
  });
});
