/** The local server: a process group of `wrangler dev`. It is ready when /v1/health responds, and ends with this process. */
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { paths } from "../tool/project.ts";
import { spawnWrangler } from "../tool/wrangler.ts";

export const HOST = "127.0.0.1";

/** Milliseconds. */
const READY_TIMEOUT = 90_000;
const STOP_TIMEOUT = 5_000;

const hasGroups = process.platform !== "win32";

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
  /** Without a trailing slash. */
  url: string;
  /** Resolves to null when the server is ready, or to the reason why it is not. */
  ready: Promise<string | null>;
  /** Resolves when the server has ended, to how it ended. */
  ended: Promise<string>;
  /** Ends the server and its child processes. */
  stop: () => Promise<void>;
};

/** `more`: further options of `wrangler dev`. */
export function startServer(port: number, ...more: string[]): Server {
  const args = [
    "dev",
    "--config",
    paths.localConfig,
    "--local",
    "--ip",
    HOST,
    "--port",
    String(port),
    "--log-level",
    "warn",
    "--show-interactive-dev-session=false",
  ];
  const child = spawnWrangler([...args, ...more], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
    // Windows has no process groups, and would open a window.
    detached: hasGroups,
  });
  let running = true;
  const ended = new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(`could not be started: ${error.message}`));
    child.once("exit", (code, signal) => resolve(signal ? `was ended by ${signal}` : `ended with exit code ${code}`));
  });
  void ended.then(() => (running = false));

  const health = async (): Promise<string | null> => {
    const until = Date.now() + READY_TIMEOUT;
    while (running && Date.now() < until) {
      if (await responds(port)) return null;
      await sleep(100);
    }
    return running ? `did not answer within ${READY_TIMEOUT / 1000} s` : ended;
  };

  const signal = (name: NodeJS.Signals) => {
    try {
      if (child.pid !== undefined) process.kill(hasGroups ? -child.pid : child.pid, name);
    } catch {
      // The process group has ended already.
    }
  };
  const stop = async () => {
    signal("SIGTERM");
    await Promise.race([ended, sleep(STOP_TIMEOUT)]);
    signal("SIGKILL");
  };
  return { url: `http://${HOST}:${port}`, ready: health(), ended, stop };
}

async function responds(port: number): Promise<boolean> {
  try {
    return (await fetch(`http://${HOST}:${port}/v1/health`, { signal: AbortSignal.timeout(5_000) })).ok;
  } catch {
    return false;
  }
}
