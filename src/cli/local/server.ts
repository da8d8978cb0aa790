/** The local server: one `wrangler dev` process group, ready when /v1/health says so, gone when this process is. */
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { spawnWrangler } from "../tool/wrangler.ts";

export const HOST = "127.0.0.1";

/** Milliseconds. */
const READY_WITHIN = 90_000;
const STOP_WITHIN = 5_000;

/** True when nothing listens on the port yet. */
export function portIsFree(port: number): Promise<boolean> {
  const probe = createServer();
  return new Promise((resolve, reject) => {
    probe.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE" || error.code === "EACCES") resolve(false);
      else reject(error);
    });
    probe.listen({ port, host: HOST }, () => probe.close(() => resolve(true)));
  });
}

export type Server = {
  /** Resolves when it answers; to the reason when it will not. */
  ready: Promise<string | null>;
  /** Resolves when it has ended, to how. */
  ended: Promise<string>;
  /** Ends it and everything it started. */
  stop: () => Promise<void>;
};

/** `public_url`: what links begin with, whatever host a request names. */
export function startServer(port: number, public_url: string): Server {
  const args = ["dev", "--local", "--ip", HOST, "--port", String(port), "--log-level", "warn"];
  args.push("--var", `PUBLIC_URL:${public_url}`);
  const child = spawnWrangler([...args, "--show-interactive-dev-session=false"], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
    detached: true,
  });
  let running = true;
  const ended = new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(`could not be started: ${error.message}`));
    child.once("exit", (code, signal) => resolve(signal ? `was ended by ${signal}` : `ended with exit code ${code}`));
  });
  void ended.then(() => (running = false));

  const health = async (): Promise<string | null> => {
    const until = Date.now() + READY_WITHIN;
    while (running && Date.now() < until) {
      if (await answers(port)) return null;
      await sleep(100);
    }
    return running ? `did not answer within ${READY_WITHIN / 1000} s` : ended;
  };

  const signal = (name: NodeJS.Signals) => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, name);
    } catch {
      // The group is gone already.
    }
  };
  const stop = async () => {
    signal("SIGTERM");
    await Promise.race([ended, sleep(STOP_WITHIN)]);
    signal("SIGKILL");
  };
  return { ready: health(), ended, stop };
}

async function answers(port: number): Promise<boolean> {
  try {
    return (await fetch(`http://${HOST}:${port}/v1/health`, { signal: AbortSignal.timeout(5_000) })).ok;
  } catch {
    return false;
  }
}
