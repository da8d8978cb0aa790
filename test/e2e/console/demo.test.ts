/** `/demo`: a visitor's website and the staff's console next to each other, at the same conversation. */
import { expect, it } from "vitest";
import { Stage } from "../widget/stage.ts";
import { agent, arrive, Visitor, you } from "../widget/visitor.ts";

const stage = Stage.setUp();

/** The demo page of an agent, at a width; the address ends with the key of a demo. */
async function demo(width: number, hash = "", query = "") {
  const { id } = await stage.agent({ auto_title: false, greeting: "Hello" });
  const context = await arrive(stage.browser, { viewport: { width, height: 900 } });
  const visitor = await Visitor.at(context, `${stage.api.url}/demo?agent=${id}${query}${hash}`);
  const frame = visitor.page.frameLocator(".desk iframe");
  return { visitor, frame, context };
}

it("shows both sides of one conversation, and the key is not in the address for long", async () => {
  const { api_key, api_secret } = stage.api.keys;
  const { visitor, frame, context } = await demo(1600, `#${api_key}:${api_secret}`);
  expect(visitor.page.url()).not.toContain("#");
  await frame.getByRole("heading", { name: "Inbox", level: 1 }).waitFor();
  await visitor.open();
  await visitor.say("Is anybody there?");
  await visitor.reads([you("Is anybody there?"), agent("reply to: Is anybody there?")]);
  const log = frame.getByRole("log", { name: "Messages" });
  await log.getByText("reply to: Is anybody there?").waitFor();
  await frame.getByRole("button", { name: "Take over", exact: true }).click();
  await frame.getByRole("button", { name: "Give back", exact: true }).waitFor();
  await frame.locator("#composer").fill("Yes, I am.");
  await frame.locator("#composer").press("Enter");
  await visitor.sees("Yes, I am.");
  await visitor.say("Good");
  await log.getByText("Good", { exact: true }).waitFor();
  // Who comes back finds the conversation.
  await visitor.page.reload();
  await log.getByText("Yes, I am.").waitFor();
  expect(visitor.complaints).toEqual([]);
  await context.close();
});

it("asks who has no key to sign in, and leaves the console out where there is no room or it is not wanted", async () => {
  const open = await demo(1600);
  await open.frame.getByRole("heading", { name: "Sign in" }).waitFor();
  expect(open.visitor.complaints).toEqual([]);
  const narrow = await demo(800);
  expect(await narrow.visitor.page.locator(".desk").isVisible()).toBe(false);
  expect(narrow.visitor.page.frames()).toHaveLength(2);
  const alone = await demo(1600, "", "&alone");
  expect(await alone.visitor.page.locator(".desk").count()).toBe(0);
  await Promise.all([open, narrow, alone].map(({ context }) => context.close()));
});

it("is framed by nobody else", async () => {
  const policy = async (path: string) =>
    (await fetch(`${stage.api.url}${path}`)).headers.get("content-security-policy") ?? "";
  expect(await policy("/demo")).toMatch(/default-src 'none'.*frame-src 'self'.*frame-ancestors 'none'/);
  expect(await policy("/console")).toMatch(/default-src 'none'.*frame-ancestors 'self'/);
});
