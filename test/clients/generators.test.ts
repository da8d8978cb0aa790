/** Six generators make clients from the OpenAPI document: they compile under strict, and they work against the running service. */
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { api as routes } from "../../src/app.ts";
import { openApiDocument } from "../../src/openapi/document.ts";
import { prismTests } from "./prism.ts";
import { api as baseUrl, key, newAgent } from "./service.ts";
import { folder, install } from "./generators.ts";
import type { Service, Told } from "./generators/story.ts";

const out = join(folder, "out");

/** The command of a package, in the folder. Throws with what it printed. */
function run(bin: string, ...args: string[]): void {
  const [, name = "", file = ""] = /^((?:@[^/]+\/)?[^/]+)\/(.*)$/.exec(bin) ?? [];
  const path = join(folder, "node_modules", name, file);
  try {
    execFileSync(process.execPath, ["--no-warnings", path, ...args], { cwd: folder, stdio: "pipe", encoding: "utf8" });
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    throw new Error(`${bin}: ${stdout}${stderr}`, { cause: error });
  }
}

const document = join(out, "openapi.json");
const GENERATORS: Record<string, () => void> = {
  "openapi-typescript": () =>
    run("openapi-typescript/bin/cli.js", document, "-o", join(out, "openapi-typescript/api.ts")),
  "hey-api": () =>
    run("@hey-api/openapi-ts/bin/run.js", "-i", document, "-o", join(out, "hey-api"), "-c", "@hey-api/client-fetch"),
  orval: () => run("orval/dist/bin/orval.mjs", "--config", join(out, "orval.config.mjs")),
  kubb: () => run("@kubb/cli/bin/kubb.cjs", "generate", "--config", "kubb.config.ts"),
  "swagger-typescript-api": () =>
    run(
      "swagger-typescript-api/dist/cli.mjs",
      "generate",
      "-p",
      document,
      "-o",
      join(out, "swagger-typescript-api"),
      "-n",
      "api.ts",
    ),
  "openapi-zod-client": () =>
    run("openapi-zod-client/bin.js", document, "-o", join(out, "openapi-zod-client/client.ts")),
};

beforeAll(() => {
  install();
  rmSync(out, { recursive: true, force: true });
  for (const name of Object.keys(GENERATORS)) mkdirSync(join(out, name), { recursive: true });
  writeFileSync(document, JSON.stringify(openApiDocument(routes.specs)));
  // Its functions have no address of their own but what the generator is told.
  const orval = { input: document, output: { target: join(out, "orval/api.ts"), client: "fetch", baseUrl } };
  writeFileSync(join(out, "orval.config.mjs"), `export default ${JSON.stringify({ api: orval })};`);
}, 300_000);

describe("Clients made from the OpenAPI document", () => {
  it.each(Object.entries(GENERATORS))("are made by %s", (_, generate) => generate(), 120_000);

  it("compile under strict, with what uses them", () => run("typescript/bin/tsc", "-p", "."), 120_000);

  it.each(Object.keys(GENERATORS))("work against the service: %s", async (name) => {
    const service: Service = {
      baseUrl,
      headers: { "X-API-Key": key.api_key, "X-API-Secret": key.api_secret },
      agentId: await newAgent("builtin/echo"),
    };
    const { tell } = (await import(`./generators/${name}.ts`)) as { tell: (service: Service) => Promise<Told> };
    expect(await tell(service)).toEqual({
      title: "Hello",
      reply: "echo: hello",
      texts: ["hello", "echo: hello"],
      states: ["deleted", "active"],
      problem: "not_found",
    });
  });
});

// Here and not in a file of its own: two would install at the same time.
describe("Prism, as a proxy in front of the service", () => {
  prismTests();
});
