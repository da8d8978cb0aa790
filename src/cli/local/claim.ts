/** One server a checkout: two of them would write the same database, and each would break the other's objects. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fail, paths } from "../tool/project.ts";
import { portIsFree } from "./server.ts";

type Claim = { pid: number; port: number };

/** Milliseconds that another process has to begin to listen or to go away; to stop listening, if it is about to end. */
const PATIENCE = { silent: 10_000, listening: 3_000 };

/** Claims this checkout for as long as this process lives. Ends the process when another one keeps it. */
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
    // Left by one that was killed.
    rmSync(paths.claim, { force: true });
  }
  process.once("exit", () => rmSync(paths.claim, { force: true }));
}

/** False when there is a claim already. */
function claim(mine: Claim): boolean {
  try {
    writeFileSync(paths.claim, JSON.stringify(mine), { flag: "wx" });
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
