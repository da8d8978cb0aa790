/** What holds for every kind of provider: how an answer ends, how its bytes may arrive, what its errors are. */
import { describe, expect, it } from "vitest";
import type { ProviderKind } from "../../src/models/catalog.ts";
import { answering, KINDS, protocolOf, sent } from "../upstream/protocols.ts";
import type { Step } from "../upstream/client.ts";
import { useUpstream } from "./models-harness.ts";

const up = useUpstream();
const WHOLE = { text: "The code is 4711.", failure: null };

const raw = (...texts: string[]): Step[] => texts.map((text) => ({ raw: text }));

describe.each(KINDS)("%s: an answer", (kind) => {
  const { begin, text, end, stop, length, failures } = protocolOf(kind);
  const texts = ["The code is", " 4711."];

  it.each([
    ...[stop, length, "stop", "length", "eos", "stop_sequence", "end_turn", "COMPLETE", "max_output_tokens"],
    ...["FINISH_REASON_STOP", "FinishReason.MAX_TOKENS", "normal"],
  ])("is complete when it ends with %s", async (word) => {
    expect(await up.playing(sent(...answering(kind, texts, word)), kind)).toMatchObject(WHOLE);
  });

  it.each([
    ...failures,
    ...["error", "ERROR", "aborted", "cancelled", "canceled", "content_filter", "content_filtered", "sensitive"],
    ...[
      "safety",
      "refusal",
      "blacklist",
      "guardrail_intervened",
      "FINISH_REASON_SAFETY",
      "some_word_that_nobody_knows",
    ],
  ])("has failed when it ends with %s, and keeps what was said", async (word) => {
    const { text: said, failure, finish } = await up.playing(sent(...answering(kind, texts, word)), kind);
    expect({ said, kind: failure?.kind, finish }).toEqual({ said: WHOLE.text, kind: "error", finish: null });
    expect(failure?.message.replace("an error", "")).not.toContain(word);
  });

  it.each(["", "null", " ", "None", "FINISH_REASON_UNSPECIFIED"])("has not ended with %j", async (word) => {
    const [last = ""] = end(word).slice(kind === "anthropic" ? 1 : 0);
    expect(await up.playing(sent(...begin, ...texts.map(text), last), kind)).toMatchObject({
      text: WHOLE.text,
      failure: { kind: "error", message: "the answer broke off" },
    });
    const both = [...begin, ...texts.map(text), last, ...end(stop)];
    expect(await up.playing(sent(...both), kind)).toMatchObject(WHOLE);
  });

  it("has failed when a good word follows a bad one", async () => {
    const [bad = ""] = end("error").slice(kind === "anthropic" ? 1 : 0);
    const steps = sent(...begin, ...texts.map(text), bad, ...end(stop));
    expect((await up.playing(steps, kind)).failure?.kind).toBe("error");
  });

  it("is complete when its connection breaks behind its good word, and failed when it breaks behind another", async () => {
    const closing = (word: string) => end(word).filter((data) => data !== "[DONE]" && !data.includes("message_stop"));
    const broken = (word: string): Step[] => [
      ...sent(...begin, ...texts.map(text), ...closing(word)),
      // Bytes that are under way are lost with a connection that is reset.
      { wait_ms: 30 },
      { reset: true },
    ];
    expect(await up.playing(broken(stop), kind)).toMatchObject(WHOLE);
    for (const word of ["error", "null"]) {
      expect(await up.playing(broken(word), kind)).toMatchObject({ text: WHOLE.text, failure: { kind: "error" } });
    }
  });

  it("has failed when its connection breaks and a good word came with everything", async () => {
    const closing = end(stop).filter((data) => data !== "[DONE]" && !data.includes("message_stop"));
    const steps = sent(...begin, ...texts.flatMap((one) => [text(one), ...closing]));
    expect(await up.playing(steps, kind)).toMatchObject(WHOLE);
    const broken = await up.playing([...steps, { wait_ms: 30 }, { reset: true }], kind);
    expect(broken).toMatchObject({ text: WHOLE.text, failure: { kind: "error" } });
  });

  it("has failed when it breaks off", async () => {
    const { text: said, failure } = await up.playing(sent(...begin, ...texts.map(text)), kind);
    expect({ said, message: failure?.message }).toEqual({ said: WHOLE.text, message: "the answer broke off" });
  });
});

describe.each(KINDS)("%s: bytes", (kind) => {
  const documents = answering(kind, ["The code is", " 4711."]);
  const all = (ends: string) => documents.map((data) => `data: ${data}${ends}`).join("");

  it.each<[string, Step[]]>([
    ["one line end behind each event", raw(...documents.map((data) => `data: ${data}\n`))],
    ["one line end behind each event, all at once", raw(all("\n"))],
    ["CRLF", raw(all("\r\n\r\n"))],
    ["lone CRs", raw(...documents.map((data) => `data: ${data}\r\r`))],
    ["a CRLF that is cut in two", raw(...documents.flatMap((data) => [`data: ${data}\r`, "\n\r", "\n"]))],
    ["no line end behind the last event", raw(all("\n\n").trimEnd())],
    ["one line end behind the last event", raw(`${all("\n\n").trimEnd()}\n`)],
    ["a CR behind the last event", raw(`${all("\n\n").trimEnd()}\r`)],
    ["no space behind the colon", raw(all("\n\n").replaceAll("data: ", "data:"))],
    ["a byte order mark, comments, ids and retries", raw(`\ufeffid: 1\nretry: 5\n: hi\n\n${all("\n\nid: 7\n")}`)],
    ["names of events that mean nothing", raw(all("\n\n").replaceAll("data: ", "event: message\ndata: "))],
    ["a keep-alive with a name", raw(`event: ping\ndata: now\n\n${all("\n\n")}`)],
    [
      "signs of life where data should be",
      raw(`data: : PROCESSING\n\n${all("\n\ndata: ping\n\ndata: [keep-alive]\n")}`),
    ],
    ["documents over several lines", raw(all("\n\n").replaceAll(/([{[])"/g, '$1\ndata: "'))],
    ["empty events between", raw(documents.map((data) => `data:\n\ndata: ${data}\n\n`).join(""))],
    ["the field twice", raw(all("\n\n").replaceAll("data: ", "data: data: "))],
    ["the field in capitals and indented", raw(all("\n\n").replaceAll("data: ", "  DATA: "))],
    ["a field without a colon", raw(all("\n\n").replaceAll("\n\n", "\ndata\n\n"))],
    ["documents over several lines of which the first has the field", raw(all("\n\n").replaceAll(/([{[])"/g, '$1\n"'))],
    ["events that were joined", raw(`data: ${documents.join("")}\n\n`)],
    ["events that were joined by spaces, without a line end", raw(`data: ${documents.join(" ")}`)],
    [
      "news of a gateway",
      raw(
        `event: queue\ndata: {"message":"You are third"}\n\ndata: {"type":"server_notice","message":"Soon"}\n\n${all("\n\n")}`,
      ),
    ],
    [
      "an error that says nothing in every event",
      raw(all("\n\n").replaceAll("data: {", 'data: {"error":{"code":"","message":"","param":null,"details":[]},')),
    ],
  ])("may come with %s", async (_, steps) => {
    expect(await up.playing(steps, kind)).toMatchObject(WHOLE);
  });

  it.each<[string, string]>([
    ["a document that is cut", 'data: {"choices":[{"del'],
    ["a document that is cut, with a line end", 'data: {"candidates":[{"con\n'],
    ["a cut [DONE]", "data: [DON"],
    ["half a line", "dat"],
    ["bare JSON that is cut", '{"error":{"code":503'],
    ["an error's page", "<html>504 Gateway Time-out</html>\n"],
    ["an error in words", "upstream connect error\n\n"],
    ["an error in a field of its own", "Error: upstream connect error\n\n"],
    ["an event that is joined to half of another", 'data: {"a":{}}{"b":\n\n'],
    ["half a character", "data: \ud83d"],
  ])("have broken off with %s at their end", async (_, rest) => {
    const documentsButEnd =
      kind === "anthropic" ? documents.slice(0, -1) : documents.filter((data) => data !== "[DONE]");
    const heard = await up.playing(raw(documentsButEnd.map((data) => `data: ${data}\n\n`).join("") + rest), kind);
    expect(heard).toMatchObject({ text: WHOLE.text, finish: null, failure: { kind: "error" } });
  });

  it("are an error when a bare document behind the end says so", async () => {
    const documentsButEnd =
      kind === "anthropic" ? documents.slice(0, -1) : documents.filter((data) => data !== "[DONE]");
    const bare = JSON.stringify({ error: { code: 503, message: "upstream words", status: "UNAVAILABLE" } }, null, 2);
    const heard = await up.playing(raw(documentsButEnd.map((data) => `data: ${data}\n\n`).join("") + bare), kind);
    expect(heard).toMatchObject({ text: WHOLE.text, failure: { kind: "error" } });
  });
});

describe.each(KINDS)("%s: an error inside the answer", (kind) => {
  const { begin, text } = protocolOf(kind);
  const told = (error: unknown) => JSON.stringify(kind === "anthropic" ? { type: "error", error } : { error });

  it.each<[string, unknown]>([
    ["a number", { message: "upstream words", code: 429 }],
    ["a number as text", { message: "upstream words", type: "throttling_error", code: "429" }],
    ["an unknown type and a number as text", { message: "upstream words", type: "None", code: "503" }],
    ["a code", { message: "upstream words", code: "rate_limit_exceeded" }],
    ["a type", { message: "upstream words", type: "rate_limit_error", code: null }],
    ["another type", { message: "upstream words", type: "overloaded_error" }],
    ["a class", { message: "upstream words", type: "ServiceUnavailableError" }],
    ["a status", { message: "upstream words", status: "UNAVAILABLE" }],
    ["another status", { message: "upstream words", code: 429, status: "RESOURCE_EXHAUSTED" }],
    ["a dotted code", { message: "upstream words", code: "Throttling.RateQuota" }],
    ["words only", { message: "Rate limit reached, try again" }],
    ["a sentence", "Too many requests"],
    ["an error in an error", { error: { code: 529, message: "upstream words" } }],
    ["a number of its own and words", { code: "1302", message: "Too many requests at a time" }],
    ["a limit of its own", { code: "RequestLimitExceeded", message: "upstream words" }],
    ["many at a time", { type: "concurrency_limit_error", message: "upstream words" }],
  ])("is busy when it says so as %s, at first, and an error later", async (_, error) => {
    for (const steps of [sent(told(error)), sent(...begin, told(error))]) {
      const { failure } = await up.playing(steps, kind);
      expect(failure).toMatchObject({ kind: "unavailable" });
      expect(failure?.message).not.toMatch(/upstream words|requests|Rate/);
    }
    const later = await up.playing(sent(...begin, text("Your parcel"), told(error)), kind);
    expect(later).toMatchObject({ text: "Your parcel", failure: { kind: "error" } });
  });

  it.each<[string, unknown]>([
    ["a wrong key", { message: "upstream words", type: "invalid_request_error", code: "invalid_api_key" }],
    [
      "no money",
      { message: "You exceeded your current quota", type: "insufficient_quota", code: "insufficient_quota" },
    ],
    ["no money, as too many requests", { message: "upstream words", code: 429, type: "insufficient_quota" }],
    ["a failure of its own", { message: "upstream words", type: "api_error", code: 500 }],
    ["nothing", { message: "upstream words" }],
  ])("is an error when it tells of %s", async (_, error) => {
    expect((await up.playing(sent(told(error)), kind)).failure).toMatchObject({ kind: "error" });
  });
});

describe.each(KINDS)("%s: a sign of life", (kind) => {
  it("is whatever arrives: comments, empty pieces, news", async () => {
    const { begin, text, end, stop } = protocolOf(kind);
    const model = `alive-${kind}`;
    const gate = (n: number): Step => ({ gate: `${model}-${n}` });
    const signs = [
      ": soon\n\n",
      ...(begin.length > 0 ? begin : [text("")]).map((data) => `data: ${data}\n\n`),
      ": x\n",
    ];
    const steps = signs.flatMap((sign, n): Step[] => [gate(n), { raw: sign }]);
    await up.client.script(model, [...steps, gate(signs.length), ...sent(text("Hi"), ...end(stop))]);
    const events = up
      .open(model, {}, up.access(kind))
      .stream({ instructions: "", messages: [{ role: "user", content: "Hi" }] }, new AbortController().signal);
    const iterator = events[Symbol.asyncIterator]();
    for (const n of signs.keys()) {
      const next = iterator.next();
      await up.client.openGate(`${model}-${n}`);
      expect(await next).toEqual({ done: false, value: { type: "text", text: "" } });
    }
    await up.client.openGate(`${model}-${signs.length}`);
    let said = "";
    for await (const event of { [Symbol.asyncIterator]: () => iterator }) if (event.type === "text") said += event.text;
    expect(said).toBe("Hi");
  });
});

describe.each(["openai", "openai-compatible", "workers-ai"] satisfies ProviderKind[])("%s", (kind) => {
  it.each([
    [
      "counts in the choice",
      { choices: [{ index: 0, delta: {}, finish_reason: "stop", usage: { prompt_tokens: 32, completion_tokens: 5 } }] },
    ],
    [
      "counts in a vendor's member",
      {
        choices: [{ index: 0, delta: {}, finish_reason: "stop" }],
        x_groq: { usage: { prompt_tokens: 32, completion_tokens: 5 } },
      },
    ],
    [
      "counts under Anthropic's names",
      { choices: [{ index: 0, delta: {}, finish_reason: "stop" }], usage: { input_tokens: 32, output_tokens: 5 } },
    ],
  ])("reads %s, and is not misled by zeros", async (_, last) => {
    const zeros = JSON.stringify({ choices: null, usage: { prompt_tokens: 0, completion_tokens: 0 } });
    const { text } = protocolOf(kind);
    const { finish } = await up.playing(sent(text("Fine."), JSON.stringify(last), zeros, "[DONE]"), kind);
    expect(finish).toEqual({ type: "finish", usage: { input_tokens: 32, output_tokens: 5 } });
  });

  it("takes an answer that does not stream", async () => {
    const answer = {
      choices: [{ index: 0, message: { role: "assistant", content: "Hi" }, finish_reason: "stop" }],
      usage: { prompt_tokens: 2, completion_tokens: 1 },
    };
    for (const space of [0, 2]) {
      expect(await up.playing([{ raw: JSON.stringify(answer, null, space) }], kind)).toMatchObject({
        text: "Hi",
        failure: null,
      });
    }
  });
});

describe("tokens from a provider's cache", () => {
  const usages: Record<ProviderKind, [said: object, zero: object]> = {
    openai: [
      { prompt_tokens: 12, completion_tokens: 2, prompt_tokens_details: { cached_tokens: 8 } },
      { prompt_tokens: 12, completion_tokens: 2, prompt_tokens_details: { cached_tokens: 0 } },
    ],
    "openai-compatible": [
      { prompt_tokens: 12, completion_tokens: 2, prompt_cache_hit_tokens: 8 },
      { prompt_tokens: 12, completion_tokens: 2, cached_tokens: 0 },
    ],
    "workers-ai": [
      { input_tokens: 12, output_tokens: 2, input_tokens_details: { cached_tokens: 8 } },
      { input_tokens: 12, output_tokens: 2, input_tokens_details: { cached_tokens: 0 } },
    ],
    // Anthropic counts them apart: what was read, and what was written into the cache.
    anthropic: [
      { input_tokens: 3, cache_read_input_tokens: 8, cache_creation_input_tokens: 1 },
      { input_tokens: 12, cache_read_input_tokens: 0, cache_creation_input_tokens: 0 },
    ],
    google: [
      { promptTokenCount: 12, candidatesTokenCount: 2, cachedContentTokenCount: 8 },
      { promptTokenCount: 12, candidatesTokenCount: 2, cachedContentTokenCount: 0 },
    ],
  };

  const playedWith = async (kind: ProviderKind, usage: object | null) => {
    const { begin, text, stop, end } = protocolOf(kind);
    const documents =
      kind === "anthropic"
        ? [
            JSON.stringify({ type: "message_start", message: { id: "m", model: "c", content: [], usage } }),
            ...begin.slice(1),
          ]
        : begin;
    const said =
      kind === "google"
        ? [JSON.stringify({ candidates: [{ content: { parts: [] }, finishReason: stop }], usageMetadata: usage })]
        : kind === "anthropic"
          ? end(stop)
          : [JSON.stringify({ choices: [{ delta: {}, finish_reason: stop }], usage }), "[DONE]"];
    return up.playing(sent(...documents, text("The code is 4711."), ...said), kind);
  };

  it.each(KINDS)("are counted among the input: %s", async (kind) => {
    const [said, zero] = usages[kind];
    const counted = { input_tokens: 12, output_tokens: 2 };
    expect((await playedWith(kind, said)).finish).toEqual({
      type: "finish",
      usage: { ...counted, cached_input_tokens: 8 },
    });
    expect((await playedWith(kind, zero)).finish).toEqual({
      type: "finish",
      usage: { ...counted, cached_input_tokens: 0 },
    });
  });

  it.each(KINDS)("are not made up: %s", async (kind) => {
    const plain =
      kind === "google" ? { promptTokenCount: 12, candidatesTokenCount: 2 } : { input_tokens: 12, output_tokens: 2 };
    const { finish } = await playedWith(kind, plain);
    expect(finish).toEqual({ type: "finish", usage: { input_tokens: 12, output_tokens: 2 } });
  });
});
