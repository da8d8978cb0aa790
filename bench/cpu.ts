/** What a process has computed, where the system says. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Milliseconds that all threads of a process have run; null where there is no /proc. */
export function cpuTime(pid: number): number | null {
  const tasks = `/proc/${pid}/task`;
  if (!existsSync(tasks)) return null;
  const nanos = readdirSync(tasks).map((task) =>
    Number(readFileSync(join(tasks, task, "schedstat"), "utf8").split(" ")[0]),
  );
  return nanos.reduce((sum, n) => sum + n, 0) / 1e6;
}

/** A child of this process, by the name of its program; null where there is none or no /proc. */
export function childNamed(name: string): number | null {
  if (!existsSync("/proc/self")) return null;
  const isOurs = (pid: string) => {
    try {
      const [, program, rest = ""] = /^\d+ \((.*)\) (.*)$/s.exec(readFileSync(`/proc/${pid}/stat`, "utf8")) ?? [];
      return program === name && Number(rest.split(" ")[1]) === process.pid;
    } catch {
      return false;
    }
  };
  const found = readdirSync("/proc").find((pid) => /^\d+$/.test(pid) && isOurs(pid));
  return found === undefined ? null : Number(found);
}
