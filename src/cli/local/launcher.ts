/** Notices that npm has ended: a signal to npm ends npm and its shell, but does not reach this process. */
import { readFileSync } from "node:fs";

/** Milliseconds. */
const CHECK_EVERY = 500;

/** Resolves when npm or its shell has ended. Never resolves when npm did not start this process. */
export function launcherGone(): Promise<void> {
  if (process.env["npm_lifecycle_event"] === undefined) return new Promise(() => {});
  const first = ancestors();
  return new Promise((resolve) => {
    setInterval(() => ancestors() !== first && resolve(), CHECK_EVERY).unref();
  });
}

/** The ids of the parent and, on Linux, the grandparent. */
function ancestors(): string {
  const parent = process.ppid;
  try {
    const [, fields = ""] = readFileSync(`/proc/${parent}/stat`, "utf8").split(") ");
    return `${parent} ${fields.split(" ")[1]}`;
  } catch {
    return String(parent);
  }
}
