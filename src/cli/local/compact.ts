/**
 * Writes local databases anew, without the bytes of what was removed from them. The platform lets nobody switch SQLite's
 * `secure_delete` on, and what is freed, or still in a write-ahead log, would otherwise stay in the file until it is used again.
 * Only while no server runs.
 */
import { mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

/** When the files of a state were last compacted: those that have not changed since are left alone. */
const STAMP = "compacted";

/** Compacts every database below `state` that has changed. Returns how many those were. */
export function compact(state: string): number {
  mkdirSync(state, { recursive: true });
  const since = modified(join(state, STAMP));
  const names = readdirSync(state, { recursive: true, encoding: "utf8" });
  const changed = names
    .filter((name) => name.endsWith(".sqlite"))
    .map((name) => join(state, name))
    .filter((file) => Math.max(modified(file), modified(`${file}-wal`)) > since);
  for (const file of changed) {
    const db = new DatabaseSync(file);
    db.exec("VACUUM");
    db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    db.close();
  }
  writeFileSync(join(state, STAMP), "");
  return changed.length;
}

/** Milliseconds, or 0 for what is not there. */
const modified = (file: string) => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
