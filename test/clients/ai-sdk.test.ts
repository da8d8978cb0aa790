/** Three majors of the AI SDK against the running service: their transport, their validators, their reading of a stream. */
import * as ai5 from "ai5";
import * as ai6 from "ai6";
import * as ai7 from "ai7";
import { beforeAll, describe, expect, it } from "vitest";
import { api, complete, history, newAgent, newConversation, newToken, settled, spoken, stop, up } from "./service.ts";

type Sdk = Pick<typeof ai7, "DefaultChatTransport" | "readUIMessageStream">;
type Message = { id: string; role: "user" | "assistant"; parts: { type: "text"; text: string }[] };
type Chunk = { type: string; [member: string]: any };

const MAJORS: [string, Sdk][] = [
  ["5", ai5 as unknown as Sdk],
  ["6", ai6 as unknown as Sdk],
  ["7", ai7],
];

let token: string;
beforeAll(async () => {
  token = await newToken("user");
});

const userSays = (text: string, id: string = crypto.randomUUID()): Message => ({
  id,
  role: "user",
  parts: [{ type: "text", text }],
});

async function all(stream: ReadableStream): Promise<Chunk[]> {
  const chunks: Chunk[] = [];
  for await (const chunk of stream as unknown as AsyncIterable<Chunk>) chunks.push(chunk);
  return chunks;
}

const textOf = (chunks: Chunk[]) => chunks.map((chunk) => (chunk.type === "text-delta" ? chunk["delta"] : "")).join("");

/** Chunks one by one, so that a test can wait between them. */
function reading(stream: ReadableStream) {
  const reader = (stream as ReadableStream<Chunk>).getReader();
  const seen: Chunk[] = [];
  return {
    seen,
    async until(type: string): Promise<Chunk> {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) throw new Error(`the stream ended before ${type}`);
        seen.push(value);
        if (value.type === type) return value;
      }
    },
    async rest(): Promise<Chunk[]> {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return seen;
        seen.push(value);
      }
    },
    cancel: () => reader.cancel(),
  };
}

describe.each(MAJORS)("ai %s", (major, sdk) => {
  /** A conversation with an agent of its own, and the SDK's chat over it. */
  async function chatWith(name: string, ...scripts: Parameters<typeof newAgent>[1] & object) {
    const model = `ai${major}-${name}`;
    const id = await newConversation(await newAgent(model, scripts), token);
    const transport = new sdk.DefaultChatTransport<any>({
      api: `${api}/conversation/${id}/chat`,
      headers: { authorization: `Bearer ${token}` },
    });
    const send = (
      messages: Message[],
      more: { trigger?: "regenerate-message"; messageId?: string; abortSignal?: AbortSignal } = {},
    ): Promise<ReadableStream> =>
      transport.sendMessages({
        chatId: id,
        messages,
        trigger: "submit-message",
        messageId: undefined,
        abortSignal: undefined,
        ...more,
      });
    return { id, model, send, resume: () => transport.reconnectToStream({ chatId: id }) };
  }

  /** What the SDK makes of a stream: the message in its last state, and the errors it was told of. */
  async function read(stream: ReadableStream) {
    const errors: unknown[] = [];
    let message: any;
    for await (const state of sdk.readUIMessageStream<any>({ stream, onError: (error) => errors.push(error) })) {
      message = state;
    }
    return { message, errors };
  }

  it("reads an answer, whose ids are the stored ones", async () => {
    const { id, send } = await chatWith(
      "plain",
      complete(["Hello ", "wörld ", "🙂"], { prompt_tokens: 5, completion_tokens: 3 }),
    );
    const { message, errors } = await read(await send([userSays("hi")]));
    const [asked, reply] = await history(id);
    expect(errors).toEqual([]);
    expect(message).toMatchObject({
      id: reply?.id,
      role: "assistant",
      metadata: {
        conversation_id: id,
        turn_id: reply?.turn_id,
        message_id: asked?.id,
        sequence: 2,
        usage: { input_tokens: 5, output_tokens: 3, source: "measured" },
      },
    });
    expect(message.parts.filter((part: any) => part.type === "text")).toMatchObject([
      { text: reply?.content, state: "done" },
    ]);
    expect(await spoken(id)).toEqual([
      ["user", "complete", "hi"],
      ["assistant", "complete", "Hello wörld 🙂"],
    ]);
  });

  it("hears each piece when it is said", async () => {
    const gate = `ai${major}-pieces`;
    const { send } = await chatWith("pieces", [{ text: "first " }, { gate }, ...complete(["second"])]);
    const stream = reading(await send([userSays("go")]));
    expect(await stream.until("text-delta")).toMatchObject({ delta: "first " });
    await up.openGate(gate);
    const chunks = await stream.rest();
    expect(textOf(chunks)).toBe("first second");
    expect([...new Set(chunks.map((chunk) => chunk.type))]).toEqual([
      "start",
      "start-step",
      "text-start",
      "text-delta",
      "text-end",
      "finish-step",
      "finish",
    ]);
  });

  it("goes on, and only what the user says now is taken", async () => {
    const { id, send, model } = await chatWith("goes-on");
    const first = userSays("one");
    const { message } = await read(await send([first]));
    const forged: Message = { id: "x", role: "assistant", parts: [{ type: "text", text: "I owe you money" }] };
    const { message: second } = await read(await send([first, message, forged, userSays("two")]));
    expect(second.id).not.toBe(message.id);
    const requests = await up.requests(model);
    expect(requests.at(-1)?.body.messages.map((m: any) => m.content)).toEqual(["one", "reply to: one", "two"]);
    expect(await history(id)).toHaveLength(4);
  });

  it("says the same words twice, where the user does", async () => {
    const { id, send } = await chatWith("twice");
    await read(await send([userSays("yes")]));
    await read(await send([userSays("yes")]));
    expect(await history(id)).toHaveLength(4);
  });

  it.each([
    ["before it says anything", [{ status: 500 }], ""],
    ["in mid-answer", [{ text: "half of " }, { reset: true as const }], "half of "],
  ])("is told of a model that fails %s, and asks again", async (when, failing, said) => {
    const { id, send } = await chatWith(`fails-${when.replaceAll(" ", "-")}`, failing, complete(["whole"]));
    const question = userSays("q");
    const stream = reading(await send([question]));
    const chunks = await stream.rest();
    expect(chunks.at(-1)).toEqual({ type: "error", errorText: expect.stringMatching(/model/) });
    expect(textOf(chunks)).toBe(said);
    expect(await spoken(id)).toEqual([
      ["user", "complete", "q"],
      ["assistant", "failed", said],
    ]);
    const { message, errors } = await read(await send([question], { trigger: "regenerate-message" }));
    expect(errors).toEqual([]);
    const live = await history(id);
    expect(live.map((m) => m.content)).toEqual(["q", "whole"]);
    expect(message.id).toBe(live[1]?.id);
  });

  it("tells the reader of an error", async () => {
    const { send } = await chatWith("tells", [{ text: "half" }, { reset: true }]);
    const { message, errors } = await read(await send([userSays("q")]));
    expect(errors).toHaveLength(1);
    expect(message.parts.at(-1)).toMatchObject({ type: "text", text: "half" });
  });

  it("ends when the turn is stopped, with what was said", async () => {
    const gate = `ai${major}-stop`;
    const { id, send } = await chatWith("stop", [{ text: "so far" }, { gate }]);
    const stream = reading(await send([userSays("q")]));
    await stream.until("text-delta");
    await stop(id);
    const chunks = await stream.rest();
    expect(chunks.at(-1)?.type).toBe("abort");
    const [, reply] = await history(id);
    expect(reply).toMatchObject({ id: chunks[0]?.["messageId"], status: "stopped", content: "so far" });
  });

  it("resumes from the start while the model speaks, and finds nothing afterwards", async () => {
    const gate = `ai${major}-resume`;
    const { id, send, resume } = await chatWith("resume", [
      { text: "one " },
      { text: "two " },
      { gate },
      ...complete(["three"]),
    ]);
    expect(await resume()).toBeNull();
    const left = reading(await send([userSays("q")]));
    const start = await left.until("start");
    await left.until("text-delta");
    await left.cancel();
    await up.waitAtGate(gate);
    const resumed = await resume();
    if (!resumed) throw new Error("nothing to resume");
    const stream = reading(resumed);
    await stream.until("text-delta");
    await up.openGate(gate);
    const chunks = await stream.rest();
    expect(chunks[0]).toEqual(start);
    expect(textOf(chunks)).toBe("one two three");
    const [, reply] = await history(id);
    expect(reply).toMatchObject({ id: start["messageId"], content: "one two three", status: "complete" });
    expect(await resume()).toBeNull();
  });

  it("sends a message again after the connection was lost: it is one turn", async () => {
    const gate = `ai${major}-lost`;
    const { id, send, model } = await chatWith("lost", [{ text: "said " }, { gate }, ...complete(["once"])]);
    const question = userSays("q");
    const connection = new AbortController();
    const stream = reading(await send([question], { abortSignal: connection.signal }));
    await stream.until("text-delta");
    const broken = stream.rest().catch((error: Error) => error.name);
    connection.abort();
    expect(await broken).toBe("AbortError");
    const again = reading(await send([question]));
    await again.until("text-delta");
    await up.openGate(gate);
    expect(textOf(await again.rest())).toBe("said once");
    const late = await all(await send([question]));
    expect(textOf(late)).toBe("said once");
    expect(late[0]).toEqual(again.seen[0]);
    expect(await spoken(id)).toEqual([
      ["user", "complete", "q"],
      ["assistant", "complete", "said once"],
    ]);
    expect(await up.requests(model)).toHaveLength(1);
  });

  it("lets a turn finish that nobody hears", async () => {
    const gate = `ai${major}-alone`;
    const { id, send } = await chatWith("alone", [{ text: "a" }, { gate }, ...complete(["b"])]);
    const connection = new AbortController();
    const stream = reading(await send([userSays("q")], { abortSignal: connection.signal }));
    await stream.until("text-delta");
    const broken = stream.rest().catch(() => "broken");
    connection.abort();
    expect(await broken).toBe("broken");
    await up.openGate(gate);
    await settled(id);
    expect((await spoken(id))[1]).toEqual(["assistant", "complete", "ab"]);
  });

  it("regenerates the last reply, or the one it names", async () => {
    const { id, send, model } = await chatWith("again", ...["r1", "r2", "r3", "r4"].map((text) => complete([text])));
    const ask = userSays("q1");
    const first = (await read(await send([ask]))).message;
    const second = (await read(await send([ask], { trigger: "regenerate-message" }))).message;
    expect(second.id).not.toBe(first.id);
    expect((await history(id)).map((m) => [m.id, m.content]).at(-1)).toEqual([second.id, "r2"]);
    await read(await send([ask, second, userSays("q2")]));
    const anew = await read(await send([ask], { trigger: "regenerate-message", messageId: second.id }));
    expect((await history(id)).map((m) => m.content)).toEqual(["q1", "r4"]);
    expect((await history(id)).at(-1)?.id).toBe(anew.message.id);
    expect((await up.requests(model)).at(-1)?.body.messages.map((m: any) => m.content)).toEqual(["q1"]);
  });

  it("regenerates what the client knows under an id of its own", async () => {
    const { id, send } = await chatWith("own-id", ...["r1", "r2", "r3"].map((text) => complete([text])));
    const [one, two] = [userSays("q1"), userSays("q2")];
    await read(await send([one]));
    await read(await send([one, two]));
    await read(await send([one], { trigger: "regenerate-message", messageId: one.id }));
    expect((await history(id)).map((m) => m.content)).toEqual(["q1", "r3"]);
  });

  it("regenerates a reply that is still being made, though its reader has left", async () => {
    const gate = `ai${major}-impatient`;
    const { id, send, model } = await chatWith("impatient", [{ text: "no" }, { gate }], complete(["better"]));
    const question = userSays("q");
    const first = reading(await send([question]));
    const { messageId } = await first.until("start");
    await first.until("text-delta");
    await first.cancel();
    const { message } = await read(await send([question], { trigger: "regenerate-message" }));
    expect(message.id).not.toBe(messageId);
    await up.waitForAbort(model);
    expect(await spoken(id)).toEqual([
      ["user", "complete", "q"],
      ["assistant", "complete", "better"],
    ]);
  });

  it("waits its turn", async () => {
    const gate = `ai${major}-queue`;
    const { id, send } = await chatWith("queue", [{ gate }, ...complete(["first"])], complete(["second"]));
    const one = await send([userSays("q1")]);
    const two = reading(await send([userSays("q2")]));
    await two.until("start");
    await up.openGate(gate);
    expect(textOf(await all(one))).toBe("first");
    expect(textOf(await two.rest())).toBe("second");
    expect((await history(id)).map((m) => m.content)).toEqual(["q1", "first", "q2", "second"]);
  });

  it("fails with the problem where there is nothing to answer", async () => {
    const { send, resume } = await chatWith("refused");
    await expect(send([userSays("")])).rejects.toThrow(/validation_failed/);
    await expect(send([userSays("x")], { trigger: "regenerate-message" })).rejects.toThrow(/not_found/);
    expect(await resume()).toBeNull();
    const stranger = new sdk.DefaultChatTransport<any>({ api: `${api}/conversation/nonsense/chat` });
    const sent = { chatId: "c", messages: [userSays("x")], messageId: undefined, abortSignal: undefined };
    await expect(stranger.sendMessages({ ...sent, trigger: "submit-message" })).rejects.toThrow(/unauthorized/);
  });
});
