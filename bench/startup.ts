/** What a Worker costs before its first request: bytes to ship, and milliseconds of CPU to start. */
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { cpuTime } from "./cpu.ts";
import { median } from "./statistics.ts";

/** KiB, gzipped. */
export const bundleSize = (script: string): number => gzipSync(readFileSync(script)).length / 1024;

const fromWrangler = createRequire(createRequire(import.meta.url).resolve("wrangler"));
const workerd = (fromWrangler("workerd") as { default: string }).default;

const EMPTY = "export default { fetch() { return new Response(); } };";

const configOf = (compatibility: string) => `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = .worker)],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = (name = "main"))],
);
const worker :Workerd.Worker = (modules = [(name = "index.js", esModule = embed "index.js")], ${compatibility});
`;

/** Milliseconds of CPU (where the system does not say: of time) that workerd takes to be ready for `script`. */
async function timeToStart(folder: string, script: string, compatibility: string): Promise<number> {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "index.js"), script);
  writeFileSync(join(folder, "worker.capnp"), configOf(compatibility));
  const start = performance.now();
  const child = spawn(workerd, ["serve", join(folder, "worker.capnp"), "--control-fd=3"], {
    stdio: ["ignore", "inherit", "inherit", "pipe"],
  });
  try {
    return await new Promise<number>((resolve, reject) => {
      child.once("exit", (code) => reject(new Error(`workerd ended with ${code}`)));
      child.stdio[3]?.once("data", () => resolve(cpuTime(child.pid ?? 0) ?? performance.now() - start));
    });
  } finally {
    child.kill("SIGKILL");
  }
}

/** Median milliseconds that starting this script costs beyond starting an empty Worker. */
export async function startUpTime(
  folder: string,
  script: string,
  { date, flags }: { date: string; flags: string[] },
  rounds: number,
): Promise<number> {
  const list = flags.map((flag) => JSON.stringify(flag)).join(", ");
  const compatibility = `compatibilityDate = ${JSON.stringify(date)}, compatibilityFlags = [${list}]`;
  const text = readFileSync(script, "utf8");
  const differences: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const ours = await timeToStart(join(folder, "ours"), text, compatibility);
    differences.push(ours - (await timeToStart(join(folder, "empty"), EMPTY, compatibility)));
  }
  return median(differences);
}
