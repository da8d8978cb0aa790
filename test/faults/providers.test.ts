/** Every kind of provider, asked by the Worker as it is built: its clients are loaded there when they are first needed. */
import { expect, it } from "vitest";
import { end, events, said, start } from "../upstream/anthropic.ts";
import { complete, type Step } from "../upstream/client.ts";
import { useSite } from "./site.ts";

const shared = useSite();

const usage = { input_tokens: 11, output_tokens: 4 };
const anthropic = events(start, ...said("Hello"), ...end("end_turn"));

const google: Step[] = [
  {
    raw: `data: ${JSON.stringify({
      candidates: [{ content: { role: "model", parts: [{ text: "Hello" }] }, index: 0, finishReason: "STOP" }],
      usageMetadata: { promptTokenCount: 11, candidatesTokenCount: 4, totalTokenCount: 15 },
    })}\n\n`,
  },
];

const openai = complete(["Hello"], { prompt_tokens: 11, completion_tokens: 4 });

it.for<[string, string, Step[]]>([
  ["openai", "gpt-4o", openai],
  ["anthropic", "claude", anthropic],
  ["google", "gemini-2.5-flash", google],
  ["openai-compatible", "any", openai],
  ["workers-ai", "at-an-address", openai],
])("%s answers", async ([kind, model, script]) => {
  const { client, up } = shared.site;
  await up.script(model, script);
  const base_url = kind === "google" ? up.baseUrl.replace(/v1$/, "v1beta") : up.baseUrl;
  const made = await client.call("PUT", `/v1/model-provider/own-${kind}`, { kind, base_url, api_key: "secret" });
  expect(made.status).toBe(201);
  const agent = { name: kind, model: `own-${kind}/${model}`, max_output_tokens: 9, auto_title: false };
  const { body } = await client.call("POST", "/v1/agent", agent);
  const id = await client.conversation(body.agent.id);
  expect(await client.chat(id, "Hi")).toMatchObject({
    status: 200,
    body: { content: "Hello", model_used: agent.model, usage: { ...usage, source: "measured" } },
  });
});
