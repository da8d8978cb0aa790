/** Starts wrangler, quiet and offline unless it has to reach Cloudflare. */
import { type ChildProcess, spawn, type StdioOptions } from "node:child_process";
import { fileURLToPath } from "node:url";
import { root } from "./project.ts";

const cli = fileURLToPath(import.meta.resolve("wrangler"));

/** No usage metrics, no request for a `cf` object, and no traces kept of every local request (twice as fast without). */
export const quiet = {
  WRANGLER_SEND_METRICS: "false",
  CLOUDFLARE_CF_FETCH_ENABLED: "false",
  X_LOCAL_OBSERVABILITY: "false",
};

/** A wrangler process that is its own process group, so that whoever started it decides when it ends. */
export const spawnWrangler = (args: string[], options: { stdio: StdioOptions; detached?: boolean }): ChildProcess =>
  spawn(
    process.execPath,
    ["--no-warnings", "--import", new URL("end-with-parent.ts", import.meta.url).href, cli, ...args],
    {
      cwd: root,
      env: { ...process.env, ...quiet },
      ...options,
    },
  );

/** Runs one wrangler command to its end with this terminal. Resolves to the exit code. */
export function wrangler(...args: string[]): Promise<number> {
  const child = spawnWrangler(args, { stdio: "inherit" });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => resolve(code ?? 1));
  });
}
