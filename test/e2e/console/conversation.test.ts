/** Everything that staff does with what was said, against the service as it is. */
import { readFile } from "node:fs/promises";
import { beforeAll, describe, expect, it } from "vitest";
import { calling, complete } from "../../upstream/client.ts";
import { Stage } from "../widget/stage.ts";
import { eventually } from "../widget/visitor.ts";
import { Staff, tokenOf } from "./staff.ts";

const stage = Stage.setUp();
let tokens: { admin: string; ben: string };
beforeAll(async () => {
  tokens = { admin: await tokenOf(stage.api, "Ada", "admin"), ben: await tokenOf(stage.api, "Ben") };
});

/** A visitor of an agent of their own, with a conversation in which these things were said. */
async function talk(
  agent_id: string,
  ...said: string[]
): Promise<{ id: string; lead: string; say: (text: string) => Promise<void> }> {
  const external_id = `visitor of ${agent_id}`;
  const minted = await stage.api.call("POST", "/v1/auth/token", { entity_type: "lead", external_id, name: "Lea" });
  const headers = { authorization: `Bearer ${minted.access_token}`, "content-type": "application/json" };
  const send = async (path: string, body: object) => {
    const response = await fetch(`${stage.api.url}/v1${path}`, { method: "POST", headers, body: JSON.stringify(body) });
    if (!response.ok) throw new Error(await response.text());
    return (await response.json()) as any;
  };
  const { conversation } = await send("/conversation", { agent_id });
  const say = async (message: string) => void (await send(`/conversation/${conversation.id}/chat`, { message }));
  for (const text of said) await say(text);
  return { id: conversation.id, lead: minted.entity_id, say };
}

const messagesOf = async (id: string): Promise<any[]> =>
  (await stage.api.call("GET", `/v1/conversation/${id}/messages?per_page=100`)).messages;

describe("messages", () => {
  it("are deleted and restored, one or all, in step with a colleague, who sees by whom", async () => {
    const { id: agent } = await stage.agent({ auto_title: false });
    const { id } = await talk(agent, "a secret word: Zanzibar", "something else");
    const ada = await Staff.signedIn(stage.browser, stage.api, tokens.admin);
    const ben = await Staff.signedIn(stage.browser, stage.api, tokens.ben);
    await Promise.all([ada.open(id), ben.open(id)]);
    await ben.sees("Zanzibar");
    await ben.choose("Actions for message 1", "Delete");
    for (const one of [ada, ben]) await one.log.locator(".message.deleted").getByText("Zanzibar").waitFor();
    await ada.log.locator(".message.deleted").getByText("Deleted by Ben").waitFor();
    await ben.log.locator(".message.deleted").getByText("Deleted by You").waitFor();
    expect((await messagesOf(id)).map(({ sequence }) => sequence)).toEqual([2, 3, 4]);
    await ada.log.getByRole("button", { name: "Restore" }).click();
    for (const one of [ada, ben]) await one.log.locator(".message.deleted").waitFor({ state: "detached" });
    expect((await messagesOf(id)).map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4]);

    await ada.choose("More", "Delete all messages");
    await ada.page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    for (const one of [ada, ben]) await eventually(() => one.log.locator(".message.deleted").count()).toBe(4);
    await ben.choose("More", "Restore deleted messages");
    for (const one of [ada, ben]) await eventually(() => one.said().then((said) => said.length)).toBe(4);
    expect([...ada.complaints, ...ben.complaints]).toEqual([]);
    await Promise.all([ada.close(), ben.close()]);
  });

  it("are found by what they say, and opened where they stand, until they are deleted", async () => {
    const { id: agent } = await stage.agent({ auto_title: false });
    const { id } = await talk(
      agent,
      "before it",
      "the lost Kaleidoscope is blue",
      ...Array.from({ length: 6 }, (_, n) => `after ${n}`),
    );
    const staff = await Staff.signedIn(stage.browser, stage.api, tokens.ben);
    const search = staff.page.getByRole("searchbox", { name: "Search messages" });
    const hits = staff.page.locator(".hits").getByRole("link");
    await eventually(async () => {
      await search.fill("kaleidosc");
      await search.press("Enter");
      await staff.page.getByRole("status").filter({ hasText: "messages found" }).waitFor();
      const found = await hits.count();
      if (found === 0) await search.fill("");
      return found;
    }).toBeGreaterThan(0);
    expect(await hits.first().locator("mark").textContent()).toMatch(/^Kaleidosc/);
    await hits.filter({ hasText: "the lost" }).last().click();
    const row = staff.log.locator('[data-sequence="3"]');
    await row.getByText("Kaleidoscope").waitFor();
    await eventually(() => row.evaluate((element: any) => element.ownerDocument.activeElement === element)).toBe(true);
    for (const sequence of [3, 4]) {
      const message = (await messagesOf(id)).find((one) => one.sequence === sequence);
      await stage.api.call("DELETE", `/v1/message/${message.id}`);
    }
    await search.press("Enter");
    await staff.button("Clear the search").click();
    await search.fill("kaleidoscope");
    await search.press("Enter");
    await staff.page.getByText("Nobody has said “kaleidoscope”").waitFor();
    await staff.close();
  });

  it("show what a reply took, with its tools", async () => {
    const tool = { name: "find_order", description: "Finds an order", url: `${stage.host.origin}/tool` };
    const usage = { prompt_tokens: 17, completion_tokens: 5 };
    const { id: agent, model } = await stage.agent(
      { auto_title: false, tools: [tool] },
      calling([{ name: "find_order", arguments: { order: "A-17" } }]),
      complete(["It is on its way."], usage),
    );
    const { id } = await talk(agent, "Where is A-17?");
    const staff = await Staff.signedIn(stage.browser, stage.api, tokens.ben);
    await staff.open(id);
    await staff.sees("It is on its way.");
    await staff.log.getByText(`test/${model}`).waitFor();
    const { usage: stored } = (await messagesOf(id))[1];
    await staff.log.getByText(new RegExp(`${stored.input_tokens} tokens in, ${stored.output_tokens} out`)).waitFor();
    await staff.log.getByText("1 tool calls").click();
    await staff.log.getByLabel("What the tool was sent").getByText("A-17").waitFor();
    await staff.log.getByText(/find_order failed/).waitFor();
    await staff.close();
  });
});

describe("a conversation", () => {
  it("has notes, the context of the next turn, who had it, and answers that are corrected", async () => {
    const { id: agent } = await stage.agent({ auto_title: false, instructions: "Be brief.", max_context_length: 3 });
    const { id } = await talk(agent, "When do you open?", "And on Sunday?");
    const staff = await Staff.signedIn(stage.browser, stage.api, tokens.ben);
    await staff.open(id);
    await staff.page.getByRole("group", { name: "What to write" }).getByRole("button", { name: "Note" }).click();
    await staff.composer.fill("Asks every week.");
    await staff.composer.press("Enter");
    await staff.page.getByText("The note is saved.").waitFor();
    await staff.page.getByRole("tab", { name: "Notes" }).click();
    await staff.page.getByRole("tabpanel").getByText("Asks every week.").waitFor();
    expect((await messagesOf(id)).some(({ content }) => content.includes("Asks every week"))).toBe(false);

    const context = await stage.api.call("GET", `/v1/conversation/${id}/context`);
    await staff.page.getByRole("tab", { name: "Context" }).click();
    const panel = staff.page.getByRole("tabpanel");
    await panel.getByText(`${context.total_tokens} tokens`, { exact: true }).waitFor();
    expect(await panel.locator(".context .context-name").allTextContents()).toEqual([
      "Instructions",
      ...context.messages.map(({ sequence, role }: any) => `${sequence} · ${role === "user" ? "Visitor" : "Agent"}`),
    ]);
    await panel.getByText("beyond the number of messages").first().waitFor();

    await staff.choose("Actions for message 4", "Correct this answer");
    const dialog = staff.page.getByRole("dialog");
    expect(await dialog.getByRole("textbox", { name: "Question" }).inputValue()).toBe("And on Sunday?");
    await dialog.getByRole("textbox", { name: "Answer" }).fill("From ten to four.");
    await dialog.getByRole("button", { name: "Add to knowledge" }).click();
    await staff.page.getByText("The agent knows the better answer now.").waitFor();
    const { agent: stored } = await stage.api.call("GET", `/v1/agent/${agent}`);
    expect(stored.knowledge).toEqual([{ question: "And on Sunday?", answer: "From ten to four." }]);
    expect(stored).toMatchObject({ instructions: "Be brief.", max_context_length: 3 });

    await staff.choose("More", "Take over for an hour");
    await staff.button("Give back").click();
    await staff.button("Take over").waitFor();
    await staff.page.getByRole("tab", { name: "Activity" }).click();
    await panel.getByText("Ben: took it over").waitFor();
    await panel.getByText("Ben: gave it back to the agent").waitFor();
    expect(staff.complaints).toEqual([]);
    await staff.close();
  });

  it("is renamed, archived, deleted and restored", async () => {
    const { id: agent } = await stage.agent({ auto_title: false });
    const { id } = await talk(agent, "hello");
    const staff = await Staff.signedIn(stage.browser, stage.api, tokens.ben);
    await staff.open(id);
    await staff.choose("More", "Rename");
    await staff.page.getByRole("textbox", { name: "Title" }).fill("A better name");
    await staff.button("Save").click();
    await staff.page.getByRole("heading", { name: "A better name" }).waitFor();
    await staff.choose("More", "Archive");
    await staff.row(/A better name/).waitFor({ state: "hidden" });
    await staff.page.getByLabel("Status").selectOption("Archived");
    await staff.row(/A better name/).waitFor();
    await staff.choose("More", "Delete conversation");
    await staff.page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await staff.page.getByText("This conversation is not here").waitFor();
    await staff.row(/A better name/).waitFor({ state: "hidden" });
    await staff.button("Restore").click();
    await staff.page.getByRole("heading", { name: "A better name" }).waitFor();
    await staff.close();
  });
});

describe("a person", () => {
  it("has other conversations, and is exported, held, and erased with a receipt", async () => {
    const { id: agent } = await stage.agent({ auto_title: false });
    const first = await talk(agent, "my number is 0815");
    const second = await talk(agent, "me again");
    await stage.api.call("PATCH", `/v1/conversation/${first.id}`, { title: "The first one" });
    const staff = await Staff.signedIn(stage.browser, stage.api, tokens.admin);
    await staff.open(second.id);
    await staff.page.getByRole("heading", { name: "Lea" }).waitFor();
    await staff.page
      .locator(".details")
      .getByRole("link", { name: /The first one/ })
      .waitFor();

    const [download] = await Promise.all([
      staff.page.waitForEvent("download"),
      staff.button("Export everything").click(),
    ]);
    const lines = (await readFile(await download.path(), "utf8"))
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines.at(-1).type).toBe("end");
    expect(lines.some(({ content }) => content === "my number is 0815")).toBe(true);

    await staff.page.locator(".details").getByRole("button", { name: "Legal hold…" }).click();
    await staff.page.getByRole("textbox", { name: "Reason" }).fill("Case 7");
    await staff.button("Save").click();
    await staff.page
      .locator(".details")
      .getByText(/Legal hold: Case 7/)
      .waitFor();
    const erase = async () => {
      await staff.button("Erase this person").click();
      await staff.page.getByRole("dialog").getByRole("textbox").fill("Erase");
      await staff.page.getByRole("dialog").getByRole("button", { name: "Erase" }).click();
    };
    await erase();
    await staff.page.getByRole("dialog").getByRole("alert").filter({ hasText: /hold/i }).waitFor();
    await staff.page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
    await staff.button("Release the hold").click();
    await staff.page
      .locator(".details")
      .getByText(/Case 7/)
      .waitFor({ state: "hidden" });
    await erase();
    const receipt = staff.page.getByRole("dialog", { name: "Erasure" });
    await receipt.getByText(/^Done:/).waitFor();
    // What it was about goes from the page behind it, and the receipt stays.
    await staff.page.getByText("This conversation is not here").waitFor();
    const jws = (await receipt.locator("code").textContent()) ?? "";
    expect(jws.split(".")).toHaveLength(3);
    await receipt.getByRole("button", { name: "Close" }).click();
    await receipt.waitFor({ state: "hidden" });
    await expect(stage.api.call("GET", `/v1/conversation/${first.id}`)).rejects.toThrow("404");
    await staff.close();
  });
});
