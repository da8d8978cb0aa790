/** Only one server runs in a checkout: two would write the same database and break each other's objects. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fail, paths } from "../tool/project.ts";
import { portIsFree } from "./server.ts";

type Claim = { pid: number; port: number };

/** Milliseconds to wait for another process: until it listens or ends, and until it ends if it listens. */
const PATIENCE = { silent: 10_000, listening: 3_000 };

/** Claims this checkout while this process lives. Ends the process when another one has the claim. */
export async function claimCheckout(port: number): Promise<void> {
  mkdirSync(dirname(paths.claim), { recursive: true });
  const began = Date.now();
  while (!claim({ pid: process.pid, port })) {
    const other = readClaim();
    if (other && isAlive(other.pid)) {
      const patience = (await portIsFree(other.port)) ? PATIENCE.silent : PATIENCE.listening;
      if (Date.now() - began < patience) {
        await sleep(100);
        continue;
      }
      fail(
        `It runs here already: http://127.0.0.1:${other.port} (process ${other.pid}). Stop that one first, or use another checkout.\nIf it does not run, remove ${paths.claim}`,
      );
    }
    // A process that was killed has left it.
    rmSync(paths.claim, { force: true });
  }
  process.once("exit", () => rmSync(paths.claim, { force: true }));
}

/** False when there is a claim already. */
function claim(own: Claim): boolean {
  try {
    writeFileSync(paths.claim, JSON.stringify(own), { flag: "wx" });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

function readClaim(): Claim | null {
  try {
    return JSON.parse(readFileSync(paths.claim, "utf8")) as Claim;
  } catch {
    return null;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
