/** Runs wrangler, without metrics and without requests that it does not need. */
import { type ChildProcess, spawn, type StdioOptions } from "node:child_process";
import { fileURLToPath } from "node:url";
import { root } from "./project.ts";

export const cli = fileURLToPath(import.meta.resolve("wrangler"));

/** No usage metrics, no request for a `cf` object, and no traces of local requests, which would take half of the time. */
export const quiet = {
  WRANGLER_SEND_METRICS: "false",
  CLOUDFLARE_CF_FETCH_ENABLED: "false",
  X_LOCAL_OBSERVABILITY: "false",
};

/** Starts wrangler. With `detached` it has a process group of its own, so that a Ctrl-C does not reach it directly. */
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
