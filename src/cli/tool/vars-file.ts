/** Files of lines `NAME=value`, with secrets in them. Only what is missing is made; a line that is there stays, whoever wrote it. */
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { parseEnv } from "node:util";

export const random = (bytes: number): string => randomBytes(bytes).toString("base64url");

/** The variables of a file; none where there is no file. Editors of Windows may begin it with a byte order mark. */
export const readVars = (path: string): NodeJS.Dict<string> => parseEnv(textOf(path).replace(/^\uFEFF/, ""));

const textOf = (path: string) => (existsSync(path) ? readFileSync(path, "utf8") : "");

/** Adds what is missing or empty of `make`. The lines before stay as they are, with the ends they have. */
export function completeVars(path: string, make: Record<string, () => string>): void {
  const before = textOf(path);
  // Also as `NAME: value`, which wrangler reads too.
  const has = (name: string) => new RegExp(`^\\s*(?:export\\s+)?${name}[^\\S\\n]*[=:][^\\S\\n]*\\S`, "m").test(before);
  const added = Object.entries(make).flatMap(([name, value]) => (has(name) ? [] : [`${name}=${value()}\n`]));
  if (added.length === 0) return;
  const whole = before === "" || before.endsWith("\n") ? before : `${before}\n`;
  writeFileSync(path, `${whole}${added.join("")}`, { mode: 0o600 });
}
