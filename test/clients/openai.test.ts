/** The `openai` package, with nothing but its base URL and API key changed; and the AI SDK as such a client. */
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText, streamText } from "ai7";
import OpenAI, {
  APIConnectionError,
  APIConnectionTimeoutError,
  APIError,
  AuthenticationError,
  BadRequestError,
  ConflictError,
  InternalServerError,
  NotFoundError,
  PermissionDeniedError,
  RateLimitError,
  UnprocessableEntityError,
} from "openai";
import { describe, expect, it } from "vitest";
import {
  api,
  apiKey,
  complete,
  conversationsWith,
  history,
  key,
  newAgent,
  newToken,
  settled,
  spoken,
  stop,
  up,
} from "./service.ts";

type Conversed = { conversation: { id: string; turn_id: string; message_id: string } };

const client = new OpenAI({ baseURL: api, apiKey });
/** The same without attempts of its own, where one answer is looked at. */
const once = client.withOptions({ maxRetries: 0 });

const says = (content: string) => [{ role: "user" as const, content }];

/** The extension member, which the package's types do not know. */
const conversationOf = (answer: object) => (answer as Conversed).conversation;
const goingOn = (conversation: string | Conversed["conversation"]) => ({ conversation }) as object;

/** What the promise was rejected with. */
const failure = (promise: PromiseLike<unknown>): Promise<any> =>
  Promise.resolve(promise).then(
    () => null,
    (error) => error,
  );

describe("models", () => {
  it("lists agents, and finds one by its id", async () => {
    const model = await newAgent("openai-models", [complete(["Hello"])]);
    const listed = await client.models.list();
    const found = listed.data.find(({ id }) => id === model);
    expect(found).toMatchObject({ id: model, object: "model", created: expect.any(Number) });
    expect(await client.models.retrieve(model)).toMatchObject({ ...found });
    expect(await failure(once.models.retrieve("gpt-4o"))).toBeInstanceOf(NotFoundError);
  });
});

describe("create", () => {
  it("answers with the stored reply", async () => {
    const model = await newAgent("openai-create", [
      complete(["Hello ", "there"], { prompt_tokens: 4, completion_tokens: 2 }),
    ]);
    const answer = await client.chat.completions.create({
      model,
      messages: says("hi"),
      temperature: 0.2,
      max_tokens: 9,
    });
    expect(answer.choices[0]?.message.content).toBe("Hello there");
    expect(answer).toMatchObject({
      model,
      object: "chat.completion",
      usage: { prompt_tokens: 4, completion_tokens: 2, total_tokens: 6 },
    });
    const { id, turn_id, message_id } = conversationOf(answer);
    expect(await history(id)).toMatchObject([
      { id: message_id, turn_id, content: "hi" },
      { id: answer.id, turn_id },
    ]);
  });

  it("tells more in headers", async () => {
    const model = await newAgent("builtin/echo");
    const sent = { model, messages: [{ role: "system" as const, content: "Sing." }, ...says("hi")], top_p: 0.5 };
    const { data, response, request_id } = await client.chat.completions.create(sent).withResponse();
    expect(response.headers.get("x-conversation-id")).toBe(conversationOf(data).id);
    expect(response.headers.get("x-left-aside")).toBe("top_p, messages[0]");
    expect(request_id).toMatch(/^[\w-]+$/);
  });

  it("takes what was said before, as code without a memory of its own sends it", async () => {
    const model = await newAgent("openai-stateless");
    const messages: OpenAI.ChatCompletionMessageParam[] = [];
    for (const text of ["one", "two", "three"]) {
      messages.push({ role: "user", content: text });
      const answer = await client.chat.completions.create({ model, messages });
      const [choice] = answer.choices;
      if (!choice) throw new Error("no choice");
      messages.push(choice.message);
    }
    const requests = await up.requests("openai-stateless");
    expect(requests.map((request) => request.body.messages.length)).toEqual([1, 3, 5]);
    expect(messages.at(-1)?.content).toBe("reply to: three");
    // Lists follow within a second.
    const counts = async () => (await conversationsWith(model)).map((one) => one.message_count);
    await expect.poll(counts).toEqual([6, 4, 2]);
  });

  it("goes on with a conversation", async () => {
    const model = await newAgent("openai-goes-on");
    const first = await client.chat.completions.create({ model, messages: says("one") });
    const { id } = conversationOf(first);
    const second = await client.chat.completions.create({ model, messages: says("two"), ...goingOn(id) });
    await client.chat.completions.create({ model, messages: says("three"), ...goingOn(conversationOf(second)) });
    expect(await history(id)).toHaveLength(6);
    expect((await up.requests("openai-goes-on")).at(-1)?.body.messages).toHaveLength(5);
    expect(await conversationsWith(model)).toHaveLength(1);
  });

  it("keeps whose message it was", async () => {
    const model = await newAgent("builtin/echo");
    const answer = await client.chat.completions.create({
      model,
      messages: says("hi"),
      user: "ann",
      metadata: { plan: "free" },
    });
    const [message] = await history(conversationOf(answer).id);
    expect(message?.metadata).toEqual({ user: "ann", plan: "free" });
  });
});

describe("stream", () => {
  it("hears each piece when it is said", async () => {
    const gate = "openai-pieces";
    const model = await newAgent("openai-pieces", [[{ text: "first " }, { gate }, ...complete(["second 🙂"])]]);
    const stream = await client.chat.completions.create({
      model,
      messages: says("go"),
      stream: true,
      stream_options: { include_usage: true },
    });
    let said = "";
    let conversation: Conversed["conversation"] | undefined;
    let usage: OpenAI.CompletionUsage | null | undefined;
    const reasons: (string | null)[] = [];
    for await (const chunk of stream) {
      conversation ??= conversationOf(chunk);
      usage = chunk.usage;
      const [choice] = chunk.choices;
      if (!choice) continue;
      reasons.push(choice.finish_reason);
      said += choice.delta.content ?? "";
      if (said === "first ") await up.openGate(gate);
    }
    expect(said).toBe("first second 🙂");
    expect(reasons.at(-1)).toBe("stop");
    expect(usage?.total_tokens).toBeGreaterThan(0);
    const [, reply] = await history(conversation?.id ?? "");
    expect(reply).toMatchObject({ content: said, status: "complete" });
  });

  it("is gathered by the package's own helper", async () => {
    const model = await newAgent("builtin/echo");
    const stream = client.chat.completions.stream({ model, messages: says("two words") });
    const deltas: string[] = [];
    stream.on("content", (delta) => deltas.push(delta));
    const completion = await stream.finalChatCompletion();
    expect(completion.choices[0]?.message).toMatchObject({ role: "assistant", content: "echo: two words" });
    expect(deltas.join("")).toBe("echo: two words");
    const [, reply] = await history(conversationOf(completion).id);
    expect(reply?.id).toBe(completion.id);
  });

  it("throws what went wrong in mid-answer", async () => {
    const model = await newAgent("openai-breaks", [[{ text: "half" }, { reset: true }]]);
    const stream = await client.chat.completions.create({ model, messages: says("q"), stream: true });
    let said = "";
    const error = await failure(
      (async () => {
        for await (const chunk of stream) said += chunk.choices[0]?.delta.content ?? "";
      })(),
    );
    expect(said).toBe("half");
    expect(error).toBeInstanceOf(APIError);
    expect(error).toMatchObject({ code: "model_error", type: "server_error" });
  });

  it("may be left: the turn goes on and is stored", async () => {
    const gate = "openai-left";
    const model = await newAgent("openai-left", [[{ text: "a" }, { gate }, ...complete(["b"])]]);
    const stream = await client.chat.completions.create({ model, messages: says("q"), stream: true });
    let id = "";
    for await (const chunk of stream) {
      id ||= conversationOf(chunk).id;
      if (chunk.choices[0]?.delta.content === "a") break;
    }
    await up.openGate(gate);
    await settled(id);
    expect(await spoken(id)).toEqual([
      ["user", "complete", "q"],
      ["assistant", "complete", "ab"],
    ]);
  });

  it("ends properly when the turn is stopped", async () => {
    const model = await newAgent("openai-stopped", [[{ text: "so far" }, { gate: "openai-stopped" }]]);
    const stream = await client.chat.completions.create({ model, messages: says("q"), stream: true });
    let id = "";
    let reason: string | null | undefined;
    for await (const chunk of stream) {
      id ||= conversationOf(chunk).id;
      reason = chunk.choices[0]?.finish_reason;
      if (chunk.choices[0]?.delta.content === "so far") await stop(id);
    }
    expect(reason).toBe("stop");
    expect((await spoken(id))[1]).toEqual(["assistant", "stopped", "so far"]);
  });
});

describe("errors are typed", () => {
  it("401: a key that is none, or one half of it", async () => {
    const model = await newAgent("builtin/echo");
    for (const bad of ["sk-nothing", key.api_key, `${key.api_key}:as_${"x".repeat(43)}`, "a.b.c"]) {
      const stranger = new OpenAI({ baseURL: api, apiKey: bad });
      const error = await failure(stranger.chat.completions.create({ model, messages: says("x") }));
      expect(error).toBeInstanceOf(AuthenticationError);
      expect(error).toMatchObject({ status: 401, code: "unauthorized", type: "authentication_error" });
      expect(error.requestID).toMatch(/^[\w-]+$/);
    }
  });

  it("403: a visitor of another website", async () => {
    const model = await newAgent("builtin/echo");
    const lead = new OpenAI({ baseURL: api, apiKey: await newToken("lead"), maxRetries: 0 });
    const page = { headers: { origin: "https://elsewhere.example" } };
    const error = await failure(lead.chat.completions.create({ model, messages: says("x") }, page));
    expect(error).toBeInstanceOf(PermissionDeniedError);
    expect(error).toMatchObject({ status: 403, code: "origin_not_allowed", type: "permission_error" });
  });

  it("404: a model that is no agent, a conversation that is not there", async () => {
    const error = await failure(client.chat.completions.create({ model: "gpt-4o", messages: says("x") }));
    expect(error).toBeInstanceOf(NotFoundError);
    expect(error.message).toMatch(/^404 `model` must be the id of an agent/);
    const model = await newAgent("builtin/echo");
    const elsewhere = client.chat.completions.create({ model, messages: says("x"), ...goingOn(crypto.randomUUID()) });
    expect(await failure(elsewhere)).toMatchObject({ status: 404, code: "not_found", type: "invalid_request_error" });
    const nowhere = await failure(client.files.list());
    expect(nowhere).toBeInstanceOf(NotFoundError);
  });

  it("409 is not tried again", async () => {
    const model = await newAgent("builtin/echo", [], { status: "inactive" });
    let requests = 0;
    const counting = client.withOptions({
      fetch: (...args) => {
        requests++;
        return fetch(...args);
      },
    });
    const error = await failure(counting.chat.completions.create({ model, messages: says("x") }));
    expect(error).toBeInstanceOf(ConflictError);
    expect(error).toMatchObject({ status: 409, code: "agent_inactive" });
    expect(requests).toBe(1);
  });

  it("422: what is not supported", async () => {
    const model = await newAgent("builtin/echo");
    const tools = [{ type: "function" as const, function: { name: "f" } }];
    const error = await failure(client.chat.completions.create({ model, messages: says("x"), tools }));
    expect(error).toBeInstanceOf(UnprocessableEntityError);
    expect(error).toMatchObject({
      status: 422,
      code: "validation_failed",
      param: "tools",
      type: "invalid_request_error",
    });
    expect(error.message).toMatch(/tools are its own/);
    const pictures = [{ type: "image_url" as const, image_url: { url: "data:," } }];
    const picture = await failure(
      client.chat.completions.create({ model, messages: [{ role: "user", content: pictures }] }),
    );
    expect(picture).toMatchObject({ status: 422, param: "messages[0].content[0]" });
  });

  it("400: what is malformed", async () => {
    const model = await newAgent("builtin/echo");
    const options = { headers: { "idempotency-key": "not one key" } };
    const error = await failure(client.chat.completions.create({ model, messages: says("x") }, options));
    expect(error).toBeInstanceOf(BadRequestError);
  });

  it("429: too many turns wait, and when to come back", async () => {
    const gate = "openai-full";
    const model = await newAgent("openai-full", [[{ gate }, ...complete(["ok"])]]);
    const first = await once.chat.completions.create({ model, messages: says("0"), stream: true });
    const { value } = await first[Symbol.asyncIterator]().next();
    const conversation = goingOn(conversationOf(value as object));
    await up.waitAtGate(gate);
    const waiting = await Promise.all(
      Array.from({ length: 16 }, (_, n) =>
        once.chat.completions.create({ model, messages: says(`${n + 1}`), stream: true, ...conversation }),
      ),
    );
    const error = await failure(once.chat.completions.create({ model, messages: says("17"), ...conversation }));
    expect(error).toBeInstanceOf(RateLimitError);
    expect(error).toMatchObject({ status: 429, code: "turn_queue_full", type: "rate_limit_error" });
    expect(Number(error.headers.get("retry-after"))).toBeGreaterThan(0);
    await up.openGate(gate);
    for (const stream of waiting) for await (const _ of stream);
  });

  it("502: a model that fails", async () => {
    const model = await newAgent("openai-fails", [[{ status: 500, body: { secret: "upstream's own words" } }]]);
    const error = await failure(once.chat.completions.create({ model, messages: says("x") }));
    expect(error).toBeInstanceOf(InternalServerError);
    expect(error).toMatchObject({ status: 502, code: "model_error", type: "server_error" });
    expect(JSON.stringify(error)).not.toContain("upstream's own words");
  });
});

describe("sends again", () => {
  it("after a failure: the same message is answered, once", async () => {
    const failing = [{ status: 500 }];
    const model = await newAgent("openai-retries", [failing, failing, complete(["at last"])]);
    const answer = await client.chat.completions.create({ model, messages: says("x") });
    expect(answer.choices[0]?.message.content).toBe("at last");
    expect(await spoken(conversationOf(answer).id)).toEqual([
      ["user", "complete", "x"],
      ["assistant", "complete", "at last"],
    ]);
    expect(await conversationsWith(model)).toHaveLength(1);
  });

  it.each([
    ["a new conversation", false],
    ["one that goes on", true],
  ])("after the connection was lost, in %s: it is one turn", async (_where, goes_on) => {
    const gate = `openai-lost-${goes_on}`;
    const begun = goes_on ? [complete(["begun"])] : [];
    const model = await newAgent(gate, [...begun, [{ gate }, ...complete(["done"])]]);
    const before = goes_on
      ? conversationOf(await client.chat.completions.create({ model, messages: says("x") }))
      : null;
    let attempts = 0;
    const unlucky = client.withOptions({
      fetch: async (address, init) => {
        if (attempts++ > 0) {
          await up.openGate(gate);
          return fetch(address, init);
        }
        const connection = new AbortController();
        const answer = fetch(address, { ...init, signal: connection.signal });
        await up.waitAtGate(gate);
        connection.abort(new TypeError("the network is gone"));
        return answer;
      },
    });
    const answer = await unlucky.chat.completions.create({
      model,
      messages: says("y"),
      ...(before ? goingOn(before) : {}),
    });
    expect(answer.choices[0]?.message.content).toBe("done");
    expect(attempts).toBe(2);
    expect((await history(conversationOf(answer).id)).slice(-2).map((m) => m.content)).toEqual(["y", "done"]);
    expect(await conversationsWith(model)).toHaveLength(1);
    expect(await up.requests(gate)).toHaveLength(goes_on ? 2 : 1);
  });

  it("gives up as it was told to, and the turn goes on", async () => {
    const gate = "openai-gives-up";
    const model = await newAgent(gate, [[{ gate }, ...complete(["late"])]]);
    const error = await failure(once.chat.completions.create({ model, messages: says("x") }, { timeout: 1_000 }));
    expect(error).toBeInstanceOf(APIConnectionTimeoutError);
    await up.waitAtGate(gate);
    await up.openGate(gate);
    const [conversation] = await conversationsWith(model);
    await settled(conversation?.id ?? "");
    expect((await spoken(conversation?.id ?? ""))[1]).toEqual(["assistant", "complete", "late"]);
  });

  it("what the code itself repeats under one key", async () => {
    const model = await newAgent("openai-key");
    const options = { headers: { "Idempotency-Key": crypto.randomUUID() } };
    const ask = (content: string) => client.chat.completions.create({ model, messages: says(content) }, options);
    const [one, two] = await Promise.all([ask("x"), ask("x")]);
    expect(two).toEqual(one);
    expect(await ask("x")).toEqual(one);
    expect(await failure(ask("y"))).toMatchObject({ status: 422, code: "idempotency_mismatch" });
    expect(await up.requests("openai-key")).toHaveLength(1);
  });

  it("nothing, where nobody listens", async () => {
    const nobody = new OpenAI({ baseURL: "http://127.0.0.1:9/v1", apiKey, maxRetries: 0 });
    expect(await failure(nobody.chat.completions.create({ model: "x", messages: says("x") }))).toBeInstanceOf(
      APIConnectionError,
    );
  });
});

describe("other credentials", () => {
  it.each(["user", "lead"] as const)("a %s's token", async (kind) => {
    const model = await newAgent("builtin/echo");
    const somebody = new OpenAI({ baseURL: api, apiKey: await newToken(kind) });
    const answer = await somebody.chat.completions.create({ model, messages: says("hi") });
    expect(answer.choices[0]?.message.content).toBe("echo: hi");
    const theirs = conversationOf(answer);
    const other = new OpenAI({ baseURL: api, apiKey: await newToken("lead") });
    const error = await failure(other.chat.completions.create({ model, messages: says("x"), ...goingOn(theirs) }));
    expect(error).toBeInstanceOf(NotFoundError);
  });
});

describe("the AI SDK as a client of OpenAI's kind", () => {
  const provider = createOpenAICompatible({ name: "conversations", baseURL: api, apiKey, includeUsage: true });

  it("generates", async () => {
    const model = await newAgent("openai-ai-sdk", [complete(["Hello"], { prompt_tokens: 3, completion_tokens: 1 })]);
    const answer = await generateText({ model: provider(model), prompt: "hi" });
    expect(answer).toMatchObject({ text: "Hello", finishReason: "stop", usage: { inputTokens: 3, outputTokens: 1 } });
  });

  it("streams", async () => {
    const model = await newAgent("openai-ai-sdk-stream", [
      complete(["a", "b", "c"], { prompt_tokens: 3, completion_tokens: 3 }),
    ]);
    const answer = streamText({ model: provider(model), prompt: "hi" });
    let said = "";
    for await (const piece of answer.textStream) said += piece;
    expect(said).toBe("abc");
    expect(await answer.finishReason).toBe("stop");
    expect(await answer.usage).toMatchObject({ inputTokens: 3, outputTokens: 3 });
  });
});
