/**
 * What is measured: the bundle as it would be shipped, and the floors beside it, in one workerd with state on disk.
 * Each Worker has a socket of its own; nothing stands between it and the client.
 */
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vite";
import { unstable_getMiniflareWorkerOptions } from "wrangler";
import { migrate } from "../src/cli/local/database.ts";
import { paths } from "../src/cli/tool/project.ts";
import { bundleForProduction } from "../src/cli/tool/run.ts";
import { childNamed, cpuTime } from "./cpu.ts";

/** Workers by name. `service` is what ships; `metered` is the same source with D1 and storage counted, `far` with a D1 far away. */
const WORKERS = ["service", "metered", "far", "model", "durable", "durable-far", "promise"] as const;
type WorkerName = (typeof WORKERS)[number];

export type Served = {
  url: (name: WorkerName) => string;
  /** The database of `service`, `metered` and `far`, and that of the durable floor. */
  db: D1Database;
  floor: D1Database;
  /** Milliseconds of CPU that workerd has taken so far; null where the system does not say. */
  cpu: () => number | null;
  stop: () => Promise<void>;
};

// wrangler's own miniflare: the one that these options are made for.
const { Miniflare, convertV4MiniflareOptions } = createRequire(createRequire(import.meta.url).resolve("wrangler"))(
  "miniflare",
) as typeof import("miniflare");

/** Builds the Worker as `npm run deploy` would. Resolves to the path of its one module. */
export async function bundle(out: string): Promise<string> {
  mkdirSync(paths.assets, { recursive: true });
  const { code, output } = await bundleForProduction(out);
  if (code !== 0) throw new Error(output);
  return join(out, "index.js");
}

/** A Worker of this folder as one module. */
async function bundleOwn(file: string, out: string): Promise<string> {
  const entry = fileURLToPath(new URL(file, import.meta.url).href);
  const name = file.replaceAll(/^.*\/|\.ts$/g, "");
  await build({
    configFile: false,
    logLevel: "warn",
    publicDir: false,
    ssr: { target: "webworker", noExternal: true },
    build: {
      ssr: true,
      outDir: out,
      emptyOutDir: false,
      target: "es2024",
      rolldownOptions: {
        input: { [name]: entry },
        external: /^(?:cloudflare|node):/,
        output: { entryFileNames: "[name].js" },
      },
    },
  });
  return join(out, `${name}.js`);
}

type WorkerOptions = {
  compatibilityDate: string;
  compatibilityFlags: string[];
  bindings: Record<string, string>;
  d1Databases: Record<string, string>;
  durableObjects: Record<string, { className: string; useSQLite: boolean }>;
};

/** What wrangler.local.toml says, without static files: they would put a router in front of the Worker. */
const workerOptions = () =>
  unstable_getMiniflareWorkerOptions(paths.localConfig).workerOptions as unknown as WorkerOptions;

/** Serves everything. `folder` holds bundles and state; `vars` are what the Workers' variables are set to. */
export async function serve(folder: string, script: string, vars: Record<string, string>): Promise<Served> {
  const out = join(folder, "workers");
  const files = {
    metered: await bundleOwn("metered-worker.ts", out),
    far: await bundleOwn("far-worker.ts", out),
    model: await bundleOwn("floors/model.ts", out),
    durable: await bundleOwn("floors/durable.ts", out),
    "durable-far": await bundleOwn("floors/durable-far.ts", out),
    promise: await bundleOwn("floors/promise.ts", out),
  };
  const { compatibilityDate, compatibilityFlags, bindings, d1Databases, durableObjects } = workerOptions();
  const service = { bindings: { ...bindings, ...vars }, d1Databases, durableObjects };
  const common = (name: string, file: string) => ({
    compatibilityDate,
    compatibilityFlags,
    name,
    modules: [{ type: "ESModule" as const, path: `${name}.mjs`, contents: readFileSync(file, "utf8") }],
    unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
  });
  const floor = (name: "durable" | "durable-far" | "promise") => ({
    ...common(name, files[name]),
    bindings: vars,
    d1Databases: { DB: `floor-${name}` },
    durableObjects: { CONVERSATION: { className: "Conversation", useSQLite: true } },
  });
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      cf: false,
      resourcePersistencePath: join(folder, "state"),
      telemetry: { enabled: false },
      workers: [
        { ...common("service", script), ...service },
        { ...common("metered", files.metered), ...service },
        { ...common("far", files.far), ...service },
        { ...common("model", files.model), bindings: vars },
        floor("durable"),
        floor("durable-far"),
        floor("promise"),
      ],
    }),
  );
  await miniflare.ready;
  const urls = new Map<WorkerName, string>();
  for (const name of WORKERS) urls.set(name, (await miniflare.unsafeGetDirectURL(name)).origin);
  const db = await miniflare.getD1Database("DB", "service");
  const floorDb = await miniflare.getD1Database("DB", "durable");
  for (const name of ["service", "durable", "durable-far", "promise"])
    await migrate(await miniflare.getD1Database("DB", name));
  const search = await miniflare.getD1Database("SEARCH", "service");
  await migrate(search, paths.searchMigrations);
  const url = (name: WorkerName) => urls.get(name) ?? "";
  const pid = childNamed("workerd");
  return { url, db, floor: floorDb, cpu: () => (pid === null ? null : cpuTime(pid)), stop: () => miniflare.dispose() };
}
