import { describe, expect, it } from "vitest";
import { ModelFailure } from "../../src/chat/ports.ts";
import type { ProviderAccess } from "../../src/models/catalog.ts";
import { openModel } from "../../src/models/open.ts";
import { ask, config, settings, useUpstream } from "./models-harness.ts";

const up = useUpstream();

describe("opening", () => {
  it("fails for a provider that is not there any more", () => {
    expect(() => openModel({ ...settings, model: "gone/x" }, { config, providers: null })).toThrow(ModelFailure);
    expect(() => openModel({ ...settings, model: "nonsense" }, { config, providers: null })).toThrow(ModelFailure);
    expect(() => openModel({ ...settings, model: "other/x" }, { config, providers: up.access() })).toThrow(
      ModelFailure,
    );
  });

  it("fails for Workers AI without its binding, and for a provider without an address", () => {
    const noBinding: ProviderAccess = { ...up.access("workers-ai"), base_url: null };
    expect(() => up.open("x", {}, noBinding)).toThrow(ModelFailure);
    expect(() => up.open("x", {}, { ...up.access(), base_url: null })).toThrow(ModelFailure);
  });

  it("takes a company's provider before the Worker's of the same name", async () => {
    const worker = { ...config, OPENAI_COMPATIBLE_BASE_URL: `${up.url}/worker` };
    const agent = { ...settings, model: "openai-compatible/which" };
    await ask(openModel(agent, { config: worker, providers: null }));
    await ask(openModel(agent, { config: worker, providers: { ...up.access(), name: "openai-compatible" } }));
    expect((await up.client.requests("which")).map(({ path }) => path)).toEqual([
      "/worker/chat/completions",
      "/v1/chat/completions",
    ]);
  });

  it("names the model as the agent does", () => {
    expect(up.open("meta/llama").name).toBe("up/meta/llama");
  });
});
