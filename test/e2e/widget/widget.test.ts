/** The widget as visitors of a website use it: a real browser, a page on another origin, the service itself. */
import { describe, expect, it } from "vitest";
import { complete } from "../../upstream/client.ts";
import { Stage } from "./stage.ts";
import { agent, arrive, eventually, Visitor, you } from "./visitor.ts";

const stage = Stage.setUp();

const SCREENS = {
  "a desktop": { viewport: { width: 1200, height: 800 } },
  "a telephone": { viewport: { width: 375, height: 740 }, hasTouch: true, isMobile: true },
};

describe.each(Object.entries(SCREENS))("on %s", (_, screen) => {
  it("greets, streams an answer, and takes an opinion of it", async () => {
    const gate = `stream-${screen.viewport.width}`;
    const script = [{ text: "We are " }, { text: "open" }, { gate }, { text: " until **six**." }, { finish: "stop" }];
    const { id } = await stage.agent({ greeting: "Hello, *you*!" }, script);
    const context = await arrive(stage.browser, screen);
    const visitor = await (await Visitor.at(context, stage.page(id))).open();
    await visitor.panel.getByText("Hello, you!").waitFor();

    await visitor.say("Until when?");
    await visitor.reads([you("Until when?"), agent("We are open", "streaming")]);
    await stage.models.openGate(gate);
    await visitor.reads([you("Until when?"), agent("We are open until six.")]);
    await eventually(() => visitor.panel.getByRole("status").last().textContent()).toContain("open until **six**");

    await visitor.button("Good answer").click();
    await eventually(async () => (await visitor.stored(stage.api))[1]?.feedback).toEqual({ rating: "up" });
    await visitor.button("Bad answer").click();
    await eventually(async () => (await visitor.stored(stage.api))[1]?.feedback).toEqual({ rating: "down" });
    await visitor.button("Bad answer").click();
    await eventually(async () => (await visitor.stored(stage.api))[1]?.feedback).toBeNull();
    expect(visitor.complaints).toEqual([]);
    await context.close();
  });

  it("stops an answer and keeps what was said", async () => {
    const gate = `stop-${screen.viewport.width}`;
    const { id, model } = await stage.agent({}, [{ text: "It all began" }, { gate }, { finish: "stop" }]);
    const context = await arrive(stage.browser, screen);
    const visitor = await (await Visitor.at(context, stage.page(id))).open();
    await visitor.say("Tell me everything");
    await visitor.reads([you("Tell me everything"), agent("It all began", "streaming")]);
    await visitor.button("Stop the answer").click();
    await visitor.reads([you("Tell me everything"), agent("It all began", "stopped")]);
    await stage.models.waitForAbort(model);
    expect((await visitor.stored(stage.api)).map(({ status }) => status)).toEqual(["complete", "stopped"]);
    expect(await visitor.input.evaluate((input) => input.matches(":focus"))).toBe(true);
    await context.close();
  });

  it("goes on with an answer after a reload in the middle of it", async () => {
    const gate = `reload-${screen.viewport.width}`;
    const script = [{ text: "One, " }, { text: "two" }, { gate }, { text: ", three." }, { finish: "stop" }];
    const { id } = await stage.agent({}, script);
    const context = await arrive(stage.browser, screen);
    const visitor = await (await Visitor.at(context, stage.page(id))).open();
    await visitor.say("Count");
    await visitor.reads([you("Count"), agent("One, two", "streaming")]);
    await visitor.page.reload();
    await visitor.open();
    await visitor.reads([you("Count"), agent("One, two", "streaming")]);
    await stage.models.openGate(gate);
    await visitor.reads([you("Count"), agent("One, two, three.")]);
    expect((await visitor.stored(stage.api)).map(({ content }) => content)).toEqual(["Count", "One, two, three."]);
    await context.close();
  });
});

describe("history", () => {
  it("is there on the next visit, and its beginning when one scrolls up", async () => {
    const { id } = await stage.agent({ greeting: "Welcome!" });
    const context = await arrive(stage.browser);
    const visitor = await (await Visitor.at(context, stage.page(id))).open();
    await visitor.say("first of all");
    await visitor.reads([you("first of all"), agent("reply to: first of all")]);
    const { access_token, conversation_id } = await visitor.session();
    for (let n = 1; n <= 40; n++) {
      const response = await fetch(`${stage.api.url}/v1/conversation/${conversation_id}/chat`, {
        method: "POST",
        headers: { authorization: `Bearer ${access_token}`, "content-type": "application/json" },
        body: JSON.stringify({ message: `question ${n}` }),
      });
      expect(response.status).toBe(200);
    }
    await visitor.page.reload();
    await visitor.open();
    await visitor.sees("reply to: question 40");
    const log = visitor.panel.getByRole("log");
    await eventually(() => log.evaluate((el) => el.scrollHeight - el.scrollTop - el.clientHeight)).toBeLessThan(2);
    expect((await visitor.messages()).length).toBeLessThan(82);
    expect(await visitor.panel.getByText("Welcome!").isVisible()).toBe(false);
    while ((await visitor.messages()).length < 82) {
      const before = (await visitor.messages()).length;
      const oldest = visitor.panel.getByRole("listitem").first();
      const text = await oldest.textContent();
      await log.evaluate((el) => el.scrollTo(0, 0));
      await eventually(async () => (await visitor.messages()).length).toBeGreaterThan(before);
      // What was being read has stayed in view.
      await expect
        .poll(() =>
          visitor.panel
            .getByRole("listitem")
            .filter({ hasText: text ?? "" })
            .first()
            .isVisible(),
        )
        .toBe(true);
      expect(await log.evaluate((el) => el.scrollTop)).toBeGreaterThan(60);
    }
    const all = await visitor.messages();
    expect(all[0]).toEqual(you("first of all"));
    expect(all.filter(({ role }) => role === "user").map(({ text }) => text)).toEqual([
      "first of all",
      ...Array.from({ length: 40 }, (__, n) => `question ${n + 1}`),
    ]);
    await visitor.panel.getByText("Welcome!").waitFor();
    await visitor.button("To the latest message").click();
    await eventually(() => log.evaluate((el) => el.scrollHeight - el.scrollTop - el.clientHeight)).toBeLessThan(2);
    // What the visitor writes while reading further up is seen, and so is its answer.
    await log.evaluate((el) => el.scrollTo(0, 0));
    await visitor.button("To the latest message").waitFor();
    await visitor.say("at last");
    await visitor.sees("reply to: at last");
    await eventually(() => log.evaluate((el) => el.scrollHeight - el.scrollTop - el.clientHeight)).toBeLessThan(2);
    await context.close();
  });
});

describe("when something goes wrong", () => {
  it("a message whose answer got lost is sent again without being there twice", async () => {
    const { id, model } = await stage.agent();
    const context = await arrive(stage.browser);
    const visitor = await (await Visitor.at(context, stage.page(id))).open();
    await visitor.say("hello");
    await visitor.reads([you("hello"), agent("reply to: hello")]);
    // The request arrives and is carried out; what comes back does not, and nobody hears of it otherwise either.
    for (const other of ["**/messages/stream*", "**/v1/message/*"]) {
      await visitor.page.route(other, (route) => route.abort());
    }
    let lost = 0;
    await visitor.page.route("**/chat", async (route) => {
      if (lost++ > 0) return route.continue();
      await route.fetch();
      return route.abort();
    });
    await visitor.input.fill("are you there?");
    await visitor.input.press("Enter");
    await visitor.panel.getByText("Not sent yet: no connection.").waitFor();
    await visitor.button("Try again").click();
    await visitor.reads([
      ...[you("hello"), agent("reply to: hello")],
      ...[you("are you there?"), agent("reply to: are you there?")],
    ]);
    expect((await visitor.stored(stage.api)).map(({ role }) => role)).toEqual([
      "user",
      "assistant",
      "user",
      "assistant",
    ]);
    expect(await stage.models.requests(model)).toHaveLength(2);
    await context.close();
  });

  it("a message that was on its way when the tab was reloaded can be sent again", async () => {
    const { id } = await stage.agent();
    const context = await arrive(stage.browser);
    const visitor = await (await Visitor.at(context, stage.page(id))).open();
    await visitor.say("hello");
    await visitor.reads([you("hello"), agent("reply to: hello")]);
    await visitor.page.route("**/chat", (route) => route.abort());
    await visitor.input.fill("lost?");
    await visitor.input.press("Enter");
    await visitor.panel.getByText("Not sent yet: no connection.").waitFor();
    await visitor.page.unroute("**/chat");
    await visitor.page.reload();
    await visitor.open();
    await visitor.panel.getByText("Not sent.").waitFor();
    await visitor.button("Try again").click();
    const all = [you("hello"), agent("reply to: hello"), you("lost?"), agent("reply to: lost?")];
    await visitor.reads(all);
    await visitor.page.reload();
    await visitor.open();
    await visitor.reads(all);
    await context.close();
  });

  it("an answer that failed is asked for again, in its old place", async () => {
    const { id } = await stage.agent({}, [{ status: 403 }], complete(["Now ", "it works."]));
    const context = await arrive(stage.browser);
    const visitor = await (await Visitor.at(context, stage.page(id))).open();
    await visitor.say("hello");
    await visitor.panel.getByText("The answer broke off.").waitFor();
    await visitor.page.reload();
    await visitor.open();
    await visitor.button("Try again").click();
    await visitor.reads([you("hello"), agent("Now it works.")]);
    expect((await visitor.stored(stage.api)).map(({ content }) => content)).toEqual(["hello", "Now it works."]);
    await context.close();
  });

  it("a chat that was opened offline begins when the connection is there", async () => {
    const { id } = await stage.agent();
    const context = await arrive(stage.browser);
    const visitor = await Visitor.at(context, stage.page(id));
    await context.setOffline(true);
    await visitor.open();
    await visitor.panel.getByText("The chat cannot be reached right now.").waitFor();
    await context.setOffline(false);
    await visitor.say("hello");
    await visitor.reads([you("hello"), agent("reply to: hello")]);
    await context.close();
  });

  it("what is written offline goes out when the connection is back", async () => {
    const { id } = await stage.agent();
    const context = await arrive(stage.browser);
    const visitor = await (await Visitor.at(context, stage.page(id))).open();
    await visitor.say("hello");
    await visitor.reads([you("hello"), agent("reply to: hello")]);
    await context.setOffline(true);
    await visitor.input.fill("in a tunnel");
    await visitor.input.press("Enter");
    await visitor.panel.getByText("Not sent yet: no connection.").waitFor();
    await visitor.panel.getByText("You are offline.").waitFor();
    await context.setOffline(false);
    await visitor.reads([you("hello"), agent("reply to: hello"), you("in a tunnel"), agent("reply to: in a tunnel")]);
    await visitor.panel.getByText("You are offline.").waitFor({ state: "hidden" });
    await context.close();
  });

  it.each([
    ["is paused", { status: "inactive" }],
    ["is not for this website", { allowed_origins: ["https://elsewhere.example"] }],
  ])("an agent that %s says that it cannot be reached, until it can", async (_, fields) => {
    const { id } = await stage.agent(fields);
    const context = await arrive(stage.browser);
    const visitor = await (await Visitor.at(context, stage.page(id))).open();
    await visitor.panel.getByText("The chat cannot be reached right now.").waitFor();
    const { agent: row } = await stage.api.call("GET", `/v1/agent/${id}`);
    const body = { name: row.name, model: row.model, status: "active", allowed_origins: [stage.host.origin] };
    await stage.api.call("PUT", `/v1/agent/${id}`, body);
    await visitor.button("Try again").click();
    await visitor.say("hello");
    await visitor.reads([you("hello"), agent("reply to: hello")]);
    await context.close();
  });

  it("a conversation that staff deleted is followed by another one", async () => {
    const { id } = await stage.agent();
    const context = await arrive(stage.browser);
    const visitor = await (await Visitor.at(context, stage.page(id))).open();
    await visitor.say("hello");
    await visitor.reads([you("hello"), agent("reply to: hello")]);
    const { conversation_id } = await visitor.session();
    await stage.api.call("DELETE", `/v1/conversation/${conversation_id}`);
    await visitor.page.reload();
    await visitor.open();
    await visitor.say("anew");
    await visitor.reads([you("anew"), agent("reply to: anew")]);
    expect((await visitor.session()).conversation_id).not.toBe(conversation_id);
    await context.close();
  });

  it("a token that has ended is renewed without the visitor noticing", async () => {
    const { id } = await stage.agent();
    const context = await arrive(stage.browser);
    const visitor = await (await Visitor.at(context, stage.page(id))).open();
    await visitor.say("hello");
    await visitor.reads([you("hello"), agent("reply to: hello")]);
    const before = await visitor.session();
    await visitor.page.evaluate(() => {
      for (const [name, text] of Object.entries(localStorage)) {
        if (name.endsWith(":session"))
          localStorage.setItem(name, JSON.stringify({ ...JSON.parse(text), expires_at: 0 }));
      }
    });
    await visitor.page.reload();
    await visitor.open();
    await visitor.reads([you("hello"), agent("reply to: hello")]);
    const after = await visitor.session();
    expect(after.access_token).not.toBe(before.access_token);
    expect(after.conversation_id).toBe(before.conversation_id);
    await context.close();
  });

  it("a browser that keeps nothing chats all the same", async () => {
    const { id } = await stage.agent();
    const context = await arrive(stage.browser);
    await context.addInitScript(() => {
      for (const name of ["localStorage", "sessionStorage"]) {
        Object.defineProperty(globalThis, name, {
          get() {
            throw new DOMException("no", "SecurityError");
          },
        });
      }
    });
    const visitor = await (await Visitor.at(context, stage.page(id))).open();
    await visitor.say("hello");
    await visitor.say("again");
    await visitor.reads([you("hello"), agent("reply to: hello"), you("again"), agent("reply to: again")]);
    expect(visitor.complaints).toEqual([]);
    await context.close();
  });
});

describe("two tabs", () => {
  it("are in step: questions, words, opinions", async () => {
    const script = [{ text: "Let me " }, { gate: "tabs" }, { text: "see." }, { finish: "stop" }];
    const { id } = await stage.agent({}, script);
    const context = await arrive(stage.browser);
    const url = stage.page(id);
    const [one, two] = [await (await Visitor.at(context, url)).open(), await (await Visitor.at(context, url)).open()];
    await one.input.waitFor();
    await two.input.waitFor();
    await one.say("Do you have ferns?");
    const partly = [you("Do you have ferns?"), agent("Let me ", "streaming")];
    await one.reads(partly);
    await two.reads(partly);
    await stage.models.openGate("tabs");
    const whole = [you("Do you have ferns?"), agent("Let me see.")];
    await one.reads(whole);
    await two.reads(whole);
    await two.button("Good answer").click();
    await eventually(() => one.button("Good answer").getAttribute("aria-pressed")).toBe("true");
    await two.say("And cacti?");
    await one.reads([...whole, you("And cacti?"), agent("Let me see.")]);
    expect(await two.session()).toEqual(await one.session());
    await context.close();
  });
});
