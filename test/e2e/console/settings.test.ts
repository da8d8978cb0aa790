/** Agents, keys, providers, webhooks, users, the audit trail and figures, as an admin uses them. */
import { createServer } from "node:http";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { complete } from "../../upstream/client.ts";
import { Stage } from "../widget/stage.ts";
import { eventually } from "../widget/visitor.ts";
import { Staff } from "./staff.ts";

const stage = Stage.setUp();
let staff: Staff;

/** Keys can be made by a key only, so the admin comes with one. */
async function signIn(): Promise<Staff> {
  const one = await Staff.at(stage.browser, stage.api);
  await one.page.getByRole("textbox", { name: "API key" }).fill(stage.api.keys.api_key);
  await one.page.getByRole("textbox", { name: "Secret" }).fill(stage.api.keys.api_secret);
  await one.button("Sign in").click();
  await one.page.getByRole("heading", { name: "Inbox", level: 1 }).waitFor();
  return one;
}

const go = async (path: string, heading: string) => {
  await staff.page.goto(`${stage.api.url}/console${path}`);
  await staff.page.getByRole("heading", { name: heading, level: 1 }).waitFor();
};
const dialog = () => staff.page.getByRole("dialog");
const field = (name: string) => staff.page.getByRole("textbox", { name, exact: true });

beforeAll(async () => {
  await stage.agent({ name: "Somebody" });
});
beforeEach(async () => {
  staff = await signIn();
  return async () => {
    expect(staff.complaints.filter((text) => !/status of 4(04|22)/.test(text))).toEqual([]);
    expect(staff.refused).toEqual([]);
    expect(staff.strays).toEqual([]);
    await staff.close();
  };
});

describe("an agent", () => {
  it("is made, tried beside its form, changed, tested, and put on a website", async () => {
    const { model } = await stage.agent({}, complete(["Good ", "**morning**"]));
    await go("/agents", "Agents");
    await staff.page.getByRole("link", { name: "New agent" }).click();
    await field("Name").fill("Morning");
    await field("Model").fill("nowhere/none");
    await staff.button("Save").click();
    await staff.page.locator(".field[data-invalid]").filter({ hasText: "Model" }).waitFor();
    await field("Model").fill(`test/${model}`);
    await staff.button("Save").click();
    await staff.page.getByRole("heading", { name: "Morning", level: 1 }).waitFor();
    await field("Say something").fill("hello");
    await staff.button("Send").click();
    await staff.page.locator(".test-chat .bubble").getByText("Good morning").waitFor();
    await staff.page.locator(".test-chat").getByText(`test/${model}`).waitFor();
    await staff.button("Test the model").click();
    await staff.page.getByRole("status").getByText("Works").waitFor();
    await field("Instructions").fill("Say good morning.");
    await staff.button("Add to knowledge").click();
    await field("Question").fill("When?");
    await field("Answer").fill("Now.");
    await staff.page.getByRole("textbox", { name: "Websites" }).fill("https://shop.example\nhttps://www.shop.example/");
    await staff.button("Save").click();
    const newest = async () => (await stage.api.call("GET", "/v1/agent?search=Morning")).agents[0];
    await eventually(newest).toMatchObject({
      instructions: "Say good morning.",
      knowledge: [{ question: "When?", answer: "Now." }],
      allowed_origins: ["https://shop.example", "https://www.shop.example"],
    });
    const { id } = await newest();
    await staff.page.getByText(`data-agent-id="${id}"`).waitFor();

    await staff.page.getByRole("checkbox", { name: "May hand over to people" }).check();
    await staff.page.getByRole("checkbox", { name: "People are there at certain hours only" }).check();
    await field("Time zone").fill("Europe/Lisbon");
    await staff.button("Add a tool").click();
    await field("Name of the tool").fill("find_order");
    await field("Address").fill(`${stage.host.origin}/tool`);
    await field("Secret header").fill("Authorization");
    await staff.page.getByLabel("Its value").fill("secret-of-the-tool");
    await staff.button("Save").click();
    const stored = async () => (await stage.api.call("GET", `/v1/agent/${id}`)).agent;
    await eventually(async () => (await stored()).tools.length).toBe(1);
    await field("Instructions").fill("Say good evening.");
    await staff.button("Save").click();
    await eventually(async () => (await stored()).instructions).toBe("Say good evening.");
    expect(await stored()).toMatchObject({
      hand_over: true,
      hours: {
        time_zone: "Europe/Lisbon",
        open: [{ days: ["mon", "tue", "wed", "thu", "fri"], from: "09:00", to: "17:00" }],
      },
      tools: [{ name: "find_order", secret_header: { name: "Authorization", has_secret: true } }],
    });
    expect(await staff.page.content()).not.toContain("secret-of-the-tool");
    await staff.choose("More", "Delete agent");
    await dialog().getByRole("button", { name: "Delete" }).click();
    await staff.page.getByRole("heading", { name: "Agents", level: 1 }).waitFor();
    await eventually(() => staff.page.locator(`a[href$="${id}"]`).count()).toBe(0);
  });
});

describe("the settings", () => {
  it("make, rotate and revoke API keys, and show a secret once", async () => {
    await go("/settings/keys", "API keys");
    await staff.button("New API key").click();
    await dialog().getByRole("textbox", { name: "Name" }).fill("For the shop");
    await dialog().getByRole("checkbox", { name: "write" }).uncheck();
    await dialog().getByRole("button", { name: "Create" }).click();
    const secret = dialog().locator("code").filter({ hasText: /^as_/ });
    const first = await secret.textContent();
    const key = (await dialog().locator("code").filter({ hasText: /^ak_/ }).textContent()) ?? "";
    const use = async (api_secret: string) =>
      (await fetch(`${stage.api.url}/v1/agent`, { headers: { "x-api-key": key, "x-api-secret": api_secret } })).status;
    expect(await use(first ?? "")).toBe(200);
    await dialog().getByRole("button", { name: "Close" }).click();
    expect(await staff.page.content()).not.toContain(first);
    await staff.choose("Actions for For the shop", "New secret");
    await dialog().getByRole("button", { name: "New secret" }).click();
    await eventually(() => secret.count()).toBe(1);
    const second = (await secret.textContent()) ?? "";
    expect(second).not.toBe(first);
    expect(await use(second)).toBe(200);
    await dialog().getByRole("button", { name: "Close" }).click();
    await staff.choose("Actions for For the shop", "Revoke");
    await dialog().getByRole("button", { name: "Revoke" }).click();
    await staff.page.getByRole("row").filter({ hasText: "For the shop" }).getByText("Revoked").waitFor();
    expect(await use(second)).toBe(401);
  });

  it("register a model provider, and say whether it works", async () => {
    await go("/settings/providers", "Model providers");
    await staff.button("New provider").click();
    await dialog().getByRole("textbox", { name: "Name" }).fill("mine");
    await dialog().getByRole("combobox", { name: "Kind" }).selectOption("openai-compatible");
    await dialog().getByRole("textbox", { name: "Address" }).fill(stage.models.baseUrl);
    await dialog().getByLabel("API key").fill("none");
    await dialog().getByRole("button", { name: "Save" }).click();
    const test = async (model: string, outcome: string) => {
      await staff.choose("Actions for mine", "Test the model");
      await dialog().getByRole("textbox", { name: "Model" }).fill(model);
      await dialog().getByRole("button", { name: "Test the model" }).click();
      await dialog().getByText(outcome, { exact: true }).waitFor();
      await dialog().getByRole("button", { name: "Close" }).click();
    };
    await test("good", "Works");
    await stage.models.script("broken", [{ status: 401 }]);
    await test("broken", "Fails");
    await staff.choose("Actions for mine", "Remove");
    await dialog().getByRole("button", { name: "Remove" }).click();
    await staff.page.getByRole("cell", { name: "mine", exact: true }).waitFor({ state: "detached" });
  });

  it("register a webhook, test it, and show and repeat its deliveries", async () => {
    const ids: string[] = [];
    const receiver = createServer((request, response) => {
      ids.push(String(request.headers["webhook-id"]));
      request.resume().on("end", () => response.writeHead(204).end());
    });
    await new Promise<void>((resolve) => receiver.listen(0, "127.0.0.1", resolve));
    const { port } = receiver.address() as { port: number };
    const url = `http://127.0.0.1:${port}/hook`;
    await go("/settings/webhooks", "Webhooks");
    await staff.button("New webhook").click();
    await dialog().getByRole("textbox", { name: "Address" }).fill(url);
    await dialog().getByRole("checkbox", { name: "All events" }).uncheck();
    await dialog().getByRole("checkbox", { name: "turn.failed" }).check();
    await dialog().getByRole("button", { name: "Save" }).click();
    await dialog()
      .locator("code")
      .filter({ hasText: /^whsec_/ })
      .waitFor();
    await dialog().getByRole("button", { name: "Close" }).click();
    await staff.page.getByRole("link", { name: url }).click();
    await staff.button("Send a test").click();
    await eventually(() => ids.length).toBe(1);
    await eventually(async () => {
      await staff.button("Refresh").click();
      return staff.page.getByRole("row").filter({ hasText: "webhook.test" }).filter({ hasText: "Delivered" }).count();
    }).toBe(1);
    await staff.button("Send again").first().click();
    await eventually(() => ids.length).toBe(2);
    expect(new Set(ids).size).toBe(1);
    await new Promise((resolve) => receiver.close(resolve));
  });

  it("price models, set budgets of every kind, show how they stand, and remove them", async () => {
    const { model, id: agent_id } = await stage.agent({ name: "Thrifty", auto_title: false });
    await go("/settings/providers", "Model providers");
    const openPrices = () => staff.choose("Actions for test", "Prices");
    await openPrices();
    await dialog().getByRole("button", { name: "Add a model" }).click();
    const inDialog = (name: string) => dialog().getByRole("textbox", { name, exact: true });
    await inDialog("The provider’s ID of the model").fill(model);
    await inDialog("Input").fill("1.5o");
    await inDialog("Output").fill("2");
    await inDialog("Currency").fill("EUR");
    await dialog().getByRole("button", { name: "Save" }).click();
    await dialog().locator(".field[data-invalid]").filter({ hasText: "Input" }).first().waitFor();
    await inDialog("Input").fill("1.50");
    await dialog().getByRole("button", { name: "Save" }).click();
    await dialog().waitFor({ state: "detached" });
    const { prices } = await stage.api.call("GET", "/v1/model-provider/test/prices");
    expect(prices).toEqual({ [model]: { input: "1.5", cached_input: null, output: "2", currency: "EUR" } });
    await openPrices();
    await eventually(() => inDialog("Input").inputValue()).toBe("1.5");
    await dialog().getByRole("button", { name: "Close" }).click();

    await go("/settings/budgets", "Budgets");
    const choose = (name: string, option: string) => dialog().getByRole("combobox", { name }).selectOption(option);
    const create = () => dialog().getByRole("button", { name: "Create" }).click();
    await staff.button("New budget").click();
    await choose("Counts the turns of", "One user or visitor");
    await inDialog("Identifier").fill("nobody");
    await dialog().getByRole("spinbutton", { name: "At most" }).fill("1000");
    await create();
    await dialog().locator(".field[data-invalid]").filter({ hasText: "Identifier" }).waitFor();
    await inDialog("Identifier").fill("019ab2f4-6f1e-7c3a-9d3e-0a8d1c2b3a4f");
    await create();
    await dialog().locator(".field[data-invalid]").getByText("There is none of this identifier").waitFor();
    expect(await dialog().getByRole("spinbutton", { name: "At most" }).inputValue()).toBe("1000");
    await choose("Counts the turns of", "One agent");
    await choose("Agent", "Thrifty");
    await choose("Period", "Day");
    await choose("When it is used up", "Hand over to people");
    await create();
    await dialog().waitFor({ state: "detached" });
    const row = (text: string) => staff.page.getByRole("row").filter({ hasText: text });
    await row("Agent Thrifty").filter({ hasText: "1,000 tokens" }).waitFor();
    await staff.button("New budget").click();
    await choose("Counts the turns of", "Each visitor, who has the whole of it");
    await choose("Counted in", "Money");
    await inDialog("At most").fill("0.05");
    await inDialog("Currency").fill("usd");
    await create();
    await dialog().locator(".field[data-invalid]").filter({ hasText: "Currency" }).waitFor();
    await inDialog("Currency").fill("USD");
    await create();
    // Its agents' models have prices in another currency only.
    await dialog().getByText(`test/${model}`).waitFor();
    await dialog().getByRole("button", { name: "Close" }).click();
    await row("Each visitor").filter({ hasText: "0.05 USD" }).waitFor();
    const { conversation } = await stage.api.call("POST", "/v1/conversation", { agent_id });
    const { budgets } = await stage.api.call("GET", "/v1/budget");
    expect(budgets).toMatchObject([
      { applies_to: "each_lead", amount: "0.05", currency: "USD", period: "month", on_exhausted: "refuse" },
      { applies_to: "agent", agent_id, tokens: 1000, period: "day", on_exhausted: "hand_over" },
    ]);
    await staff.choose(/^Actions for Each visitor/, "Remove");
    await dialog().getByRole("button", { name: "Remove" }).click();
    await row("Each visitor").waitFor({ state: "detached" });
    await stage.api.call("POST", `/v1/conversation/${conversation.id}/chat`, { message: "hello" });
    await eventually(async () => (await stage.api.call("GET", "/v1/budget")).budgets[0].used).not.toBe(0);
    await go("/settings/budgets", "Budgets");
    expect(await row("Agent Thrifty").getByRole("meter").getAttribute("value")).not.toBe("0");
    await staff.choose(/^Actions for Agent Thrifty/, "Remove");
    await dialog().getByRole("button", { name: "Remove" }).click();
    await staff.page.getByText("There is no budget").waitFor();
  });

  it("verify the audit trail, and find who did what", async () => {
    await go("/settings/audit", "Audit trail");
    await staff.button("Verify the trail").click();
    await staff.page.getByText(/The trail holds: [\d,]+ rows/).waitFor();
    await staff.page.getByRole("textbox", { name: "Action" }).fill("agent.create");
    await eventually(async () => {
      const cells = await staff.page.locator("tbody tr td:nth-child(4)").allTextContents();
      return cells.length > 0 && cells.every((text) => text === "agent.create");
    }).toBe(true);
  });

  it("set the company's name, time zone and how long things are kept", async () => {
    await go("/settings/company", "Company");
    await staff.page.getByRole("combobox", { name: "Time zone" }).fill("Mars/Olympus");
    await staff.button("Save").click();
    await staff.page
      .getByText(/is not the name of a time zone/)
      .first()
      .waitFor();
    await staff.page.getByRole("combobox", { name: "Time zone" }).fill("Europe/Berlin");
    await staff.page.getByRole("spinbutton", { name: "What is deleted" }).fill("30");
    await staff.button("Save").click();
    await staff.page.getByText("Saved.", { exact: true }).waitFor();
    const { company } = await stage.api.call("GET", "/v1/company");
    expect(company).toMatchObject({ time_zone: "Europe/Berlin", retention: { deleted_days: 30, leads_days: null } });
  });
});

describe("figures", () => {
  it("are those of the API, as numbers, as charts by keyboard, as tables and as a file", async () => {
    const { id: agent_id } = await stage.agent({ name: "Counted", auto_title: false });
    const { conversation } = await stage.api.call("POST", "/v1/conversation", { agent_id });
    for (const message of ["one", "two", "three"])
      await stage.api.call("POST", `/v1/conversation/${conversation.id}/chat`, { message });
    await eventually(
      async () => (await stage.api.call("GET", `/v1/analytic/agent/${agent_id}`)).totals.turn_count,
    ).toBe(3);
    await go("/figures", "Figures");
    await staff.page.getByRole("combobox", { name: "Agent" }).selectOption("Counted");
    const figure = (name: string) => staff.page.locator(".figure-card").filter({ hasText: name }).locator("dd");
    await eventually(() => figure("Turns").textContent()).toBe("3");
    const { totals } = await stage.api.call("GET", `/v1/analytic/agent/${agent_id}`);
    expect(await figure("Tokens out").textContent()).toBe(String(totals.usage.output_tokens));
    const chart = staff.page.locator("figure").filter({ hasText: "Turns by day" });
    await chart.locator("svg").first().waitFor();
    await chart.locator("[tabindex='0']").first().focus();
    await staff.page.keyboard.press("ArrowRight");
    await staff.page.keyboard.press("End");
    await chart
      .getByRole("status")
      .getByText(/Completed: \d+/)
      .waitFor();
    await chart.getByText("As a table").click();
    await eventually(() => chart.locator("tbody tr").last().textContent()).toMatch(/3.*0.*0/);
    await staff.button("Export").click();
    const [download] = await Promise.all([
      staff.page.waitForEvent("download"),
      staff.page.getByRole("menuitem", { name: "Conversations (CSV)" }).click(),
    ]);
    expect(download.suggestedFilename()).toMatch(/\.csv$/);
  });
});
