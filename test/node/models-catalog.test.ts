import { describe, expect, it } from "vitest";
import type { Config } from "../../src/config.ts";
import { baseUrlProblem, modelProblem, parseModelName, workerProvider } from "../../src/models/catalog.ts";
import { config as local } from "./models-harness.ts";

const config = (settings: Partial<Config> = {}): Config => ({ ...local, local: false, ...settings });
const none = new Set<string>();

describe("parseModelName", () => {
  it("splits at the first slash only", () => {
    expect(parseModelName("openai/gpt-5")).toEqual({ provider: "openai", name: "gpt-5" });
    expect(parseModelName("router/meta-llama/llama-4:free")).toEqual({
      provider: "router",
      name: "meta-llama/llama-4:free",
    });
    expect(parseModelName("workers-ai/@cf/meta/llama")).toEqual({ provider: "workers-ai", name: "@cf/meta/llama" });
  });

  it.each([
    "",
    "gpt",
    "/gpt",
    "openai/",
    "open ai/gpt",
    "openai/g pt",
    "openai/gpt\n",
    "openai/\u0000",
    "openai/\ud800",
    "google/../x",
    "google/x?alt=",
    "google/x#",
    "google/a\\b",
    "google/./x",
    "google/%2e%2e/x",
    "google/%2E./x",
    "google/x%2fy",
  ])("refuses %j", (name) => expect(parseModelName(name)).toBeNull());
});

describe("modelProblem", () => {
  it("knows the built-in models: faq everywhere, echo only locally", () => {
    expect(modelProblem("builtin/faq", none, config())).toBeNull();
    expect(modelProblem("builtin/echo", none, config({ local: true }))).toBeNull();
    expect(modelProblem("builtin/echo", none, config())).toMatch(/locally/);
    expect(modelProblem("builtin/other", none, config({ local: true }))).toMatch(/not a built-in/);
  });

  it("does not let a company's provider take over the built-in prefix", () => {
    expect(modelProblem("builtin/other", new Set(["builtin"]), config())).toMatch(/not a built-in/);
    expect(modelProblem("builtin/echo", new Set(["builtin"]), config())).toMatch(/locally/);
  });

  it.each<[string, Partial<Config>]>([
    ["openai/gpt", { OPENAI_API_KEY: "k" }],
    ["anthropic/claude", { ANTHROPIC_API_KEY: "k" }],
    ["google/gemini", { GOOGLE_API_KEY: "k" }],
    ["openai-compatible/any", { OPENAI_COMPATIBLE_BASE_URL: "https://models.example.com/v1" }],
  ])("offers %s when the environment sets it up", (name, settings) => {
    expect(modelProblem(name, none, config())).toMatch(/not set up/);
    expect(modelProblem(name, none, config(settings))).toBeNull();
  });

  it("offers Workers AI in production, where its binding is", () => {
    expect(modelProblem("workers-ai/@cf/meta/llama", none, config())).toBeNull();
    expect(modelProblem("workers-ai/@cf/meta/llama", none, config({ local: true }))).toMatch(/not set up/);
  });

  it("takes a company's own providers under any name", () => {
    expect(modelProblem("acme/gpt", new Set(["acme"]), config())).toBeNull();
    expect(modelProblem("openai/gpt", new Set(["openai"]), config())).toBeNull();
    expect(modelProblem("other/gpt", new Set(["acme"]), config())).toMatch(/not set up/);
  });

  it.each(["", "faq", "builtin/", "/faq"])("explains the form of %j", (name) => {
    expect(modelProblem(name, none, config())).toMatch(/provider\/name/);
  });
});

describe("baseUrlProblem", () => {
  it.each([
    "https://api.example.com/v1",
    "https://api.example.com/v1/",
    "https://api.example.com",
    "https://gateway.example.com/messages-api/v1",
    "https://models.example.com/inference",
  ])("takes %s", (url) => expect(baseUrlProblem(url)).toBeNull());

  it.each([
    "https://api.example.com/v1/chat/completions",
    "https://api.example.com/v1/chat/completions/",
    "https://api.example.com/v1/Completions",
    "https://api.example.com/v1/messages",
    "https://api.example.com/v1/responses",
    "https://api.example.com/v1/models",
    "https://api.example.com/v1beta/models/gemini:streamGenerateContent",
    "http://localhost:11434/api/chat",
    "https://api.example.com/v1?api-version=preview",
    "https://api.example.com/v1?",
    "https://api.example.com/v1#x",
    "https://api.example.com/ v1",
    "https://api.example.com/v1\u0000",
  ])("refuses %s", (url) => expect(baseUrlProblem(url)).toMatch(/^must/));
});

it("describes a Worker-wide provider completely", () => {
  const settings = { OPENAI_COMPATIBLE_BASE_URL: "https://models.example.com/v1", OPENAI_COMPATIBLE_API_KEY: "secret" };
  expect(workerProvider("openai-compatible", config(settings))).toEqual({
    name: "openai-compatible",
    kind: "openai-compatible",
    base_url: "https://models.example.com/v1",
    api_key: "secret",
  });
  expect(workerProvider("acme", config(settings))).toBeNull();
});
