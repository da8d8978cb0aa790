/** One running service for all clients: the built bundle, an upstream model behind it, and credentials of every kind. */
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { api } from "../../src/app.ts";
import { openApiDocument } from "../../src/openapi/document.ts";
import type { Prepared } from "../faults/global-setup.ts";
import { startWorkerd } from "../faults/workerd.ts";
import { startProxy } from "../openapi/proxy.ts";
import { startUpstream } from "../upstream/server.ts";

export default async function setup(project: TestProject) {
  const { bundle, state: template, vars, token, key }: Prepared = project.getProvidedContext().prepared;
  const state = mkdtempSync(join(tmpdir(), "conversations-clients-"));
  cpSync(template, state, { recursive: true });
  const upstream = await startUpstream();
  const { url, mf } = await startWorkerd({
    bundle,
    state,
    entry: "index.js",
    vars: { ...vars, OPENAI_COMPATIBLE_BASE_URL: `${upstream.url}/v1` },
  });
  // Every answer that a client gets is held against the OpenAPI document on its way.
  const proxy = await startProxy(url, JSON.parse(JSON.stringify(openApiDocument(api.specs))) as object);
  project.provide("running", { url: proxy.url, upstream: upstream.url, token, key });
  return async () => {
    await proxy.close();
    await mf.dispose();
    await upstream.close();
    rmSync(state, { recursive: true, force: true });
  };
}
