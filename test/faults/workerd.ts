/** The built bundle in a workerd process of its own, with its state on disk: what runs in production, but killable. */
import type { ChildProcess } from "node:child_process";
import { subscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import { createRequire } from "node:module";
import { basename, join } from "node:path";
import type { Miniflare, Request as FaultRequest, Response as FaultResponse, V4WorkerOptions } from "miniflare";
import { paths, root } from "../../src/cli/tool/project.ts";

// Not a dependency of ours: wrangler's own, so that both are of one version.
const require = createRequire(createRequire(import.meta.url).resolve("wrangler"));
const { Miniflare: Server, convertV4MiniflareOptions } = require("miniflare") as typeof import("miniflare");

process.env["CLOUDFLARE_CF_FETCH_ENABLED"] = "false";

export type WorkerdOptions = {
  /** Directory of the bundle; `entry` is the file of it to run. */
  bundle: string;
  entry: string;
  state: string;
  vars: Record<string, string>;
  /** What `workerOptions` gave, to save loading wrangler once more. */
  worker?: object;
  /** Answers what the Worker asks over its binding FAULTS. */
  faults?: (request: FaultRequest) => Promise<FaultResponse>;
  /** Where its spans go, as OTLP: the address of a receiver. */
  traces?: string | undefined;
  /** Everything that the Worker logs. */
  log?: (message: string) => void;
};

export type Workerd = {
  mf: Miniflare;
  url: string;
  pid: number;
  /** SIGKILL, and gone for good: nothing starts it again. */
  kill: () => Promise<void>;
};

/** The processes that were started here, in order. */
const children: ChildProcess[] = [];
subscribe("child_process", (event) => children.push((event as { process: ChildProcess }).process));

let starting: Promise<unknown> = Promise.resolve();

/** Starts one after another, so that it is known which process is whose. */
export function startWorkerd(options: WorkerdOptions): Promise<Workerd> {
  const started = starting.then(() => start(options));
  starting = started.catch(() => {});
  return started;
}

/** The Worker as wrangler.local.toml describes it: plain data. */
export async function workerOptions(): Promise<object> {
  const { unstable_getMiniflareWorkerOptions } = await import("wrangler");
  return JSON.parse(JSON.stringify(unstable_getMiniflareWorkerOptions(paths.localConfig).workerOptions));
}

async function start(options: WorkerdOptions): Promise<Workerd> {
  const { bundle, entry, state, vars, faults, traces, log = () => {} } = options;
  const described = (options.worker ?? (await workerOptions())) as WorkerDescription;
  const flags = described.compatibilityFlags ?? [];
  const before = children.length;
  const modules = [...new Set([entry, "index.js"])];
  const worker = {
    ...described,
    rootPath: root,
    assets: undefined,
    modulesRoot: bundle,
    modules: modules.map((name) => ({ type: "ESModule", path: join(bundle, name) })),
    bindings: { ...described.bindings, ...vars },
    ...(faults ? { serviceBindings: { FAULTS: faults } } : {}),
    ...(traces ? { streamingTails: ["collector"], compatibilityFlags: [...flags, ...SPANS] } : {}),
    unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
  } as unknown as V4WorkerOptions;
  const mf = new Server(
    convertV4MiniflareOptions({
      host: "127.0.0.1",
      port: 0,
      cf: false,
      resourcePersistencePath: join(state, "v3"),
      handleStructuredLogs: ({ message }) => log(message),
      workers: [worker, ...(traces ? [collector(bundle, traces)] : [])],
    }),
  );
  const url = (await mf.unsafeGetDirectURL()).href.replace(/\/$/, "");
  const child = children.slice(before).find(({ spawnfile }) => basename(spawnfile).startsWith("workerd"));
  if (child?.pid === undefined) throw new Error("workerd was not started");
  const { pid } = child;
  const kill = async () => {
    const gone = child.exitCode === null && child.signalCode === null ? once(child, "exit") : null;
    process.kill(pid, "SIGKILL");
    await Promise.all([gone, mf.dispose()]);
  };
  return { mf, url, pid, kill };
}

type WorkerDescription = { bindings?: object; compatibilityFlags?: string[]; compatibilityDate?: string };

/** What lets a Worker hear the spans of another one, those that it makes itself included. */
const SPANS = ["streaming_tail_worker", "tail_worker_user_spans"];

/** The Worker that is told of all spans, see collector.js. */
const collector = (bundle: string, OTLP_ENDPOINT: string): V4WorkerOptions => ({
  name: "collector",
  modulesRoot: bundle,
  modules: [{ type: "ESModule", path: join(bundle, "collector.js") }],
  compatibilityDate: "2026-10-15",
  compatibilityFlags: SPANS,
  bindings: { OTLP_ENDPOINT },
});
