import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { echoModel } from "../../src/models/echo.ts";
import { type Sleep, sleep } from "../../src/models/sleep.ts";
import { ask } from "./models-harness.ts";

/** Waits that end when they are told to; `asked` are the milliseconds of each. */
function gatedSleep(): { sleep: Sleep; asked: number[]; reached: Promise<void>; wake: () => void } {
  const asked: number[] = [];
  const reached = Promise.withResolvers<void>();
  const woken = Promise.withResolvers<void>();
  return {
    asked,
    reached: reached.promise,
    wake: woken.resolve,
    sleep: (ms, signal) => {
      asked.push(ms);
      reached.resolve();
      signal.addEventListener("abort", () => woken.resolve());
      return woken.promise;
    },
  };
}
const never: Sleep = () => Promise.reject(new Error("nobody asked to wait"));
const say = (content: string) => [{ role: "user" as const, content }];

describe("builtin/echo", () => {
  it("answers word by word and leaves counting to others", async () => {
    const { pieces, finish } = await ask(echoModel("builtin/echo", never), say("one two  three\n"));
    expect(pieces).toEqual(["echo: ", "one ", "two  ", "three\n"]);
    expect(finish).toEqual({ type: "finish", usage: null });
  });

  it("echoes the user's last message, not the model's", async () => {
    const messages = [...say("first"), ...say("second"), { role: "assistant" as const, content: "third" }];
    expect(await ask(echoModel("builtin/echo", never), messages)).toMatchObject({ text: "echo: second" });
  });

  it("echoes any text byte for byte", async () => {
    const unit = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.constantFrom(" ", "\n", "\t", "\u00a0", "\u3000", "👩‍👩‍👧", "\u0000"),
    );
    const text = fc.array(unit).map((units) => units.join(""));
    await fc.assert(
      fc.asyncProperty(text, async (message) => {
        fc.pre(!message.startsWith("/sleep "));
        const heard = await ask(echoModel("builtin/echo", never), say(message));
        expect(heard.text).toBe(`echo: ${message}`);
        expect(heard.pieces).not.toContain("");
      }),
    );
  });

  it("waits between its start and the rest, and then says the text only", async () => {
    const gate = gatedSleep();
    const stream = echoModel("builtin/echo", gate.sleep).stream(
      { instructions: "", messages: say("/sleep 250 good  morning") },
      new AbortController().signal,
    );
    const events = stream[Symbol.asyncIterator]();
    expect(await events.next()).toEqual({ done: false, value: { type: "text", text: "echo: " } });
    const next = events.next();
    await gate.reached;
    expect(gate.asked).toEqual([250]);
    gate.wake();
    expect(await next).toEqual({ done: false, value: { type: "text", apart: true, text: "good  " } });
    expect(await events.next()).toEqual({ done: false, value: { type: "text", apart: true, text: "morning" } });
  });

  it.each([
    ["/sleep 99999 a", 10_000, "echo: a"],
    ["/sleep 0 a\nb", 0, "echo: a\nb"],
    ["/sleep 5", 5, "echo: "],
  ])("waits at most ten seconds: %j", async (message, ms, text) => {
    const gate = gatedSleep();
    gate.wake();
    expect(await ask(echoModel("builtin/echo", gate.sleep), say(message))).toMatchObject({ text });
    expect(gate.asked).toEqual([ms]);
  });

  it.each(["/sleep", "/sleep soon", "/sleep -5 a", "please /sleep 100 a"])("does not wait for %j", async (message) => {
    expect(await ask(echoModel("builtin/echo", never), say(message))).toMatchObject({ text: `echo: ${message}` });
  });

  it("stops waiting when it is aborted, without an ending", async () => {
    const stop = new AbortController();
    const gate = gatedSleep();
    const asked = ask(echoModel("builtin/echo", gate.sleep), say("/sleep 9000 a"), stop.signal);
    await gate.reached;
    stop.abort();
    expect(await asked).toEqual({ text: "echo: ", pieces: ["echo: "], finish: null, failure: null });
    expect(await ask(echoModel("builtin/echo", never), say("a"), AbortSignal.abort())).toMatchObject({ pieces: [] });
  });
});

describe("sleep", () => {
  it("ends early when it is aborted, before or while it waits", async () => {
    await expect(sleep(2_000_000_000, AbortSignal.abort())).resolves.toBeUndefined();
    const stop = new AbortController();
    const waiting = sleep(2_000_000_000, stop.signal);
    stop.abort();
    await expect(waiting).resolves.toBeUndefined();
    await expect(sleep(0, new AbortController().signal)).resolves.toBeUndefined();
  });
});
