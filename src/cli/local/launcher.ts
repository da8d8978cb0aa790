/** Whoever started this process, as npm and its shell do: a signal to npm ends the shell, and tells nobody else. */
import { readFileSync } from "node:fs";

/** Milliseconds. */
const LOOK_EVERY = 500;

/** Resolves when npm, or the shell between, is gone. Never when it was not npm that started this process. */
export function launcherGone(): Promise<void> {
  if (process.env["npm_lifecycle_event"] === undefined) return new Promise(() => {});
  const first = ancestors();
  return new Promise((resolve) => {
    setInterval(() => ancestors() !== first && resolve(), LOOK_EVERY).unref();
  });
}

/** Parent and, where the system tells, grandparent. */
function ancestors(): string {
  const parent = process.ppid;
  try {
    const [, fields = ""] = readFileSync(`/proc/${parent}/stat`, "utf8").split(") ");
    return `${parent} ${fields.split(" ")[1]}`;
  } catch {
    return String(parent);
  }
}
