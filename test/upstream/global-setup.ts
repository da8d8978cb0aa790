/** Starts the upstream that tests talk to: a real HTTP server on loopback. */
import type { TestProject } from "vitest/node";
import { startUpstream } from "./server.ts";

declare module "vitest" {
  interface ProvidedContext {
    upstreamPort: number;
  }
}

export default async function setup(project: TestProject) {
  const upstream = await startUpstream();
  project.provide("upstreamPort", upstream.port);
  return () => upstream.close();
}
