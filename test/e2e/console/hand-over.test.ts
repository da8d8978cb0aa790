/** A visitor's chat window beside the consoles of two people: who answers, live, and never two at a time. */
import { describe, expect, it } from "vitest";
import { calling, complete, type Step } from "../../upstream/client.ts";
import { Stage } from "../widget/stage.ts";
import { agent, arrive, eventually, Visitor, you } from "../widget/visitor.ts";
import { Staff, tokenOf } from "./staff.ts";

const stage = Stage.setUp();

/** A visitor who said something, and two people who look at the conversation. */
async function scene(...scripts: Step[][]) {
  const { id: agent_id } = await stage.agent({ auto_title: false }, ...scripts);
  const context = await arrive(stage.browser);
  const visitor = await (await Visitor.at(context, stage.page(agent_id))).open();
  const [vera, ben] = await Promise.all(
    ["Vera", "Ben"].map(async (name) => Staff.signedIn(stage.browser, stage.api, await tokenOf(stage.api, name))),
  );
  if (!vera || !ben) throw new Error("two people");
  const end = () => Promise.all([context.close(), vera.close(), ben.close()]);
  return { agent_id, visitor, vera, ben, end };
}

const conversationOf = async (visitor: Visitor) => (await visitor.session()).conversation_id;

describe("a conversation", () => {
  it("is followed live, taken over in mid-stream, answered, and given back", async () => {
    const slow: Step[] = [
      { text: "The model says " },
      { gate: "hand-over" },
      { text: "what nobody must see" },
      { finish: "stop" },
    ];
    const { visitor, vera, ben, end } = await scene(slow, complete(["Back with you."]));
    await visitor.say("Where is my order?");
    await visitor.reads([you("Where is my order?"), agent("The model says ", "streaming")]);
    const id = await conversationOf(visitor);
    await Promise.all([vera.open(id), ben.open(id)]);
    for (const one of [vera, ben]) {
      await one.sees("Where is my order?");
      await one.log.locator(".message.live").getByText("The model says").waitFor();
    }
    await vera.page.getByText("Also here: Ben").waitFor();
    await ben.page.getByText("Also here: Vera").waitFor();

    await vera.button("Take over").click();
    await vera.button("Give back").waitFor();
    await stage.models.openGate("hand-over");
    await ben.page.getByText("Vera is answering here.").waitFor();
    expect(await ben.composer.isDisabled()).toBe(true);
    await vera.reply("I am **looking** into it.", "I am looking into it.");
    await visitor.sees("I am looking into it.");
    await visitor.panel.getByText("With Vera", { exact: true }).waitFor();
    await ben.sees("I am looking into it.");
    await vera.composer.pressSequentially("Al");
    await visitor.panel.getByText("Vera is writing…").waitFor();
    await ben.page.getByText("Vera is typing…").waitFor();
    await vera.reply("All is well.");
    await visitor.say("Thank you");
    for (const one of [vera, ben]) await one.sees("Thank you");

    const stored = await visitor.stored(stage.api);
    expect(stored.map(({ role, content }) => [role, content])).toEqual([
      ["user", "Where is my order?"],
      ["assistant", "The model says "],
      ["assistant", "I am **looking** into it."],
      ["assistant", "All is well."],
      ["user", "Thank you"],
    ]);
    for (const one of [vera, ben]) expect(await one.page.content()).not.toContain("what nobody must see");
    expect(await visitor.panel.textContent()).not.toContain("what nobody must see");

    await vera.button("Give back").click();
    await vera.button("Take over").waitFor();
    await ben.page.getByText("Agent answers", { exact: true }).waitFor();
    await visitor.say("And now?");
    await visitor.sees("Back with you.");
    for (const one of [vera, ben]) {
      await one.sees("Back with you.");
      expect(one.complaints).toEqual([]);
      expect(one.refused).toEqual([]);
      expect(one.strays).toEqual([]);
    }
    await end();
  });

  it("is taken over from a colleague, who keeps what was half written", async () => {
    const { visitor, vera, ben, end } = await scene();
    await visitor.say("hello");
    await visitor.reads([you("hello"), agent("reply to: hello")]);
    const id = await conversationOf(visitor);
    await Promise.all([vera.open(id), ben.open(id)]);
    await vera.reply("Vera here.");
    await ben.page.getByText("Vera is answering here.").waitFor();
    await vera.composer.fill("half a sent");
    await ben.button("Take over from Vera").click();
    await ben.reply("Ben here.");
    await vera.page.getByText("Ben is answering here.").waitFor();
    expect(await vera.composer.inputValue()).toBe("half a sent");
    await visitor.reads([you("hello"), agent("reply to: hello"), agent("Vera here."), agent("Ben here.")]);
    await vera.reads([
      { by: "Visitor", text: "hello" },
      { by: "Agent", text: "reply to: hello" },
      { by: "You", text: "Vera here." },
      { by: "Ben", text: "Ben here." },
    ]);
    await end();
  });

  it("shows in the inbox what waits, what is unread and who has it, without a reload", async () => {
    const { visitor, vera, ben, end } = await scene();
    await visitor.say("first of all");
    await visitor.reads([you("first of all"), agent("reply to: first of all")]);
    const id = await conversationOf(visitor);
    await stage.api.call("PATCH", `/v1/conversation/${id}`, { title: "Lost parcel" });
    await ben.row(/Lost parcel/).waitFor();
    await ben.row(/Lost parcel.*unread/s).waitFor();
    await ben.row(/Lost parcel/).click();
    await ben.sees("reply to: first of all");
    await eventually(
      async () => (await stage.api.call("GET", `/v1/conversation/${id}`)).conversation.unread.staff,
    ).toBe(0);
    await ben.button("Take over").click();
    await vera.row(/Lost parcel.*Ben/s).waitFor();
    await visitor.say("are you there?");
    await eventually(() => ben.page.getByRole("link", { name: /need a person/ }).count()).toBe(0);
    await ben.page.getByRole("link", { name: "Agents" }).click();
    await visitor.say("hello?");
    await ben.page.getByRole("link", { name: /Inbox.*need a person/ }).waitFor();
    await eventually(() => ben.page.title()).toMatch(/^\(\d+\) Agents/);
    await vera.page.getByLabel("Handled by").selectOption("Me");
    await vera.row(/Lost parcel/).waitFor({ state: "hidden" });
    await vera.page.getByLabel("Handled by").selectOption("Staff");
    await vera.row(/Lost parcel/).waitFor();
    await vera.button("Save view").click();
    await vera.page.getByRole("navigation", { name: "Saved views" }).getByRole("link", { name: "Staff" }).waitFor();
    await end();
  });
});

describe("signing in", () => {
  it("takes both halves of a key, stays in the tab, and leaves nothing behind", async () => {
    const staff = await Staff.at(stage.browser, stage.api);
    await staff.page.getByRole("textbox", { name: "API key" }).fill(stage.api.keys.api_key);
    await staff.page.getByRole("textbox", { name: "Secret" }).fill("as_wrong");
    await staff.button("Sign in").click();
    await staff.page.getByText("This is not a good credential").waitFor();
    await staff.page.getByRole("textbox", { name: "Secret" }).fill(stage.api.keys.api_secret);
    await staff.button("Sign in").click();
    await staff.page.getByRole("heading", { name: "Inbox", level: 1 }).waitFor();
    await staff.page.reload();
    await staff.page.getByRole("heading", { name: "Inbox", level: 1 }).waitFor();
    const other = await staff.context.newPage();
    await other.goto(`${stage.api.url}/console`);
    await other.getByRole("heading", { name: "Sign in" }).waitFor();
    await staff.button("Sign out").click();
    await staff.page.getByRole("heading", { name: "Sign in" }).waitFor();
    const left = await staff.page.evaluate(() => {
      const { sessionStorage, localStorage } = globalThis as any;
      return JSON.stringify([{ ...sessionStorage }, { ...localStorage }]);
    });
    expect(left).not.toContain("as_");
    await staff.close();
  });

  it("works in a browser that keeps nothing", async () => {
    const staff = await Staff.at(stage.browser, stage.api);
    await staff.context.addInitScript(() => {
      for (const name of ["localStorage", "sessionStorage"])
        Object.defineProperty(globalThis, name, {
          get: () => {
            throw new DOMException("Access is denied for this document.", "SecurityError");
          },
        });
    });
    await staff.page.reload();
    await staff.signIn(await tokenOf(stage.api, "Nora"));
    expect(staff.complaints).toEqual([]);
    await staff.close();
  });

  it("again, after a session has ended, brings back what was half written", async () => {
    const { id } = await stage.agent();
    const { conversation } = await stage.api.call("POST", "/v1/conversation", { agent_id: id });
    const key = await stage.api.call("POST", "/v1/auth/api-keys", { name: "short", scopes: ["read", "write"] });
    const staff = await Staff.at(stage.browser, stage.api);
    const signIn = async ({ api_key, api_secret }: { api_key: string; api_secret: string }) => {
      await staff.page.getByRole("textbox", { name: "API key" }).fill(api_key);
      await staff.page.getByRole("textbox", { name: "Secret" }).fill(api_secret);
      await staff.button("Sign in").click();
    };
    await signIn(key);
    await staff.page.getByRole("heading", { name: "Inbox", level: 1 }).waitFor();
    await staff.open(conversation.id);
    await staff.composer.fill("Dear customer,");
    await stage.api.call("DELETE", `/v1/auth/api-keys/${key.id}`);
    await staff.composer.press("Enter");
    await staff.page.getByText("Your session has ended.").waitFor();
    await signIn(stage.api.keys);
    await eventually(() => staff.composer.inputValue()).toBe("Dear customer,");
    await staff.button("Sign out").click();
    await signIn(stage.api.keys);
    await eventually(() => staff.composer.inputValue()).toBe("");
    await staff.close();
  });

  it("refuses visitors, and shows what a credential may not do to nobody", async () => {
    const { id } = await stage.agent();
    const body = { entity_type: "lead", external_id: "a visitor" };
    const lead = (await stage.api.call("POST", "/v1/auth/token", body)).access_token;
    const staff = await Staff.at(stage.browser, stage.api);
    await staff.page.getByRole("tab", { name: "Token" }).click();
    await staff.page.getByRole("textbox", { name: "Token" }).fill(lead);
    await staff.button("Sign in").click();
    await staff.page.getByText("This is a visitor’s token").waitFor();
    const reader = await stage.api.call("POST", "/v1/auth/api-keys", { name: "reader", scopes: ["read"] });
    const made = await stage.api.call("POST", "/v1/conversation", { agent_id: id, title: "Only to be read" });
    await staff.page.getByRole("tab", { name: "API key" }).click();
    await staff.page.getByRole("textbox", { name: "API key" }).fill(reader.api_key);
    await staff.page.getByRole("textbox", { name: "Secret" }).fill(reader.api_secret);
    await staff.button("Sign in").click();
    await staff.row(/Only to be read/).click();
    await staff.page.getByRole("heading", { name: "Only to be read" }).waitFor();
    expect(await staff.button("Take over").count()).toBe(0);
    expect(await staff.composer.count()).toBe(0);
    for (const section of ["Visitors", "Agents", "Figures", "Settings"]) {
      await staff.page.getByRole("navigation", { name: "Sections" }).getByRole("link", { name: section }).click();
      await staff.page.getByRole("heading", { level: 1 }).first().waitFor();
    }
    expect(await staff.page.getByRole("link", { name: "Audit trail" }).count()).toBe(0);
    expect(staff.refused).toEqual([]);
    expect(made.conversation.id).toBeTruthy();
    await staff.close();
  });
});

describe("a model that asks for a person", () => {
  it("lets the visitor wait for one, also behind a closed window, until one answers", async () => {
    const asks = { name: "hand_over", arguments: { reason: "Wants a person", summary: "Asked twice for a refund." } };
    const { id: agent_id } = await stage.agent(
      { auto_title: false, hand_over: true },
      calling([asks]),
      complete(["A colleague is coming."]),
      complete(["Still coming."]),
    );
    const context = await arrive(stage.browser);
    const visitor = await (await Visitor.at(context, stage.page(agent_id))).open();
    await visitor.say("A person, please");
    await visitor.reads([you("A person, please"), agent("A colleague is coming.")]);
    const waits = visitor.panel.getByText("Somebody from our team will answer.");
    await waits.waitFor();
    await visitor.say("Hello?");
    await visitor.sees("Still coming.");
    await waits.waitFor();
    await visitor.button("Close chat").click();

    const vera = await Staff.signedIn(stage.browser, stage.api, await tokenOf(stage.api, "Vera"));
    await vera.open(await conversationOf(visitor));
    await vera.reply("Here I am.");
    await visitor.launcher.getByText("1", { exact: true }).waitFor();
    await visitor.open();
    await visitor.sees("Here I am.");
    await visitor.panel.getByText("With Vera", { exact: true }).waitFor();
    expect(visitor.complaints).toEqual([]);
    await Promise.all([context.close(), vera.close()]);
  });
});
