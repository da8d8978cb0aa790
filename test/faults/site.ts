/** One deployment for one test: a Worker that can be killed and started again, its files, and an upstream model. */
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, inject } from "vitest";
import { type UpstreamClient, upstream } from "../upstream/client.ts";
import { startUpstream } from "../upstream/server.ts";
import { type Client, clientOf } from "./client.ts";
import { Files } from "./files.ts";
import type { Faults } from "./faults.ts";
import { startWorkerd, type Workerd } from "./workerd.ts";

export type Site = {
  client: Client;
  /** The upstream that agents of `client.agent(model)` ask. */
  up: UpstreamClient;
  /** The directory of everything that is on disk. */
  state: string;
  /** What is on disk, seen past the Worker. */
  files: Files;
  /** Every line that the Worker has logged. */
  logs: string[];
  /** Bytes of memory that workerd takes now. */
  memory: () => number;
  /** SIGKILLs workerd; whatever it was doing is lost. */
  kill: () => Promise<void>;
  /** Starts workerd on the same files. */
  start: () => Promise<void>;
  /** Runs what the schedule runs every hour, as if it were `at`. */
  scheduled: (at?: Date) => Promise<void>;
};

/** One site for all tests of a file, there from the first test on. */
export function useSite(): { readonly site: Site } {
  const shared: { site?: Site } = {};
  beforeAll(async () => {
    const ends: (() => Promise<void>)[] = [];
    shared.site = await openSite((end) => ends.push(end));
    return async () => {
      for (const end of ends) await end();
    };
  });
  return shared as { readonly site: Site };
}

/**
 * Opens a site that is gone when the test is over. With `faults`, D1 does what they say; with `traces`, its spans are sent to
 * a receiver at that address.
 */
export async function openSite(
  onTestFinished: (end: () => Promise<void>) => void,
  faults?: Faults,
  traces?: string,
): Promise<Site> {
  const { bundle, worker, state: template, vars, token } = inject("prepared");
  const state = mkdtempSync(join(tmpdir(), "conversations-site-"));
  cpSync(template, state, { recursive: true });
  const server = await startUpstream();
  const up = upstream(server.url);
  const logs: string[] = [];
  const start = () =>
    startWorkerd({
      bundle,
      worker,
      state,
      entry: faults ? "faulty.js" : "index.js",
      vars: { ...vars, OPENAI_COMPATIBLE_BASE_URL: up.baseUrl, PUBLIC_URL: "https://api.example" },
      log: (message) => logs.push(message),
      traces,
      ...(faults ? { faults: faults.answer } : {}),
    });
  let workerd: Workerd | null = await start();
  const kill = async () => {
    const running = workerd;
    workerd = null;
    await running?.kill();
  };
  const files = new Files(state);
  onTestFinished(async () => {
    files.close();
    await kill();
    await server.close();
    rmSync(state, { recursive: true, force: true });
  });
  const client = clientOf(() => workerd?.url ?? "http://killed.invalid", token);
  return {
    client,
    up,
    state,
    files,
    logs,
    memory: () => {
      const [, kilobytes] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${workerd?.pid}/status`, "utf8")) ?? [];
      return Number(kilobytes) * 1024;
    },
    kill,
    start: async () => {
      workerd = await start();
    },
    scheduled: async (at = new Date()) => {
      const worker = await workerd?.mf.getWorker();
      await worker?.scheduled({ cron: "17 * * * *", scheduledTime: at });
    },
  };
}
