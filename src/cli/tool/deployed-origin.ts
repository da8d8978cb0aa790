/** Where a Worker answers, from the report that wrangler writes of a deployment (WRANGLER_OUTPUT_FILE_PATH): JSON, a line each. */

import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

type Entry = { type: string; targets?: string[] };

/**
 * Where wrangler writes its reports: a file, or a folder of files. Cloudflare's own builds name one and read it themselves;
 * elsewhere it is `file`.
 */
export function reportPlace(file: string): string {
  const { WRANGLER_OUTPUT_FILE_PATH: path, WRANGLER_OUTPUT_FILE_DIRECTORY: directory } = process.env;
  return path ?? directory ?? (process.env["WRANGLER_OUTPUT_FILE_PATH"] = file);
}

/** What is there by now. */
export function readReport(place: string): string {
  if (!existsSync(place)) return "";
  if (!statSync(place).isDirectory()) return readFileSync(place, "utf8");
  return readdirSync(place)
    .toSorted()
    .map((name) => readFileSync(join(place, name), "utf8"))
    .join("");
}

/** `configured`: PUBLIC_URL, which wins. Null when only routes with wildcards lead to the Worker. */
export function deployedOrigin(report: string, configured?: string): string | null {
  if (configured !== undefined) return new URL(configured).origin;
  const lines = report.split("\n").filter((line) => line !== "");
  const entry = lines.map((line) => JSON.parse(line) as Entry).findLast(({ type }) => type === "deploy");
  // `https://name.account.workers.dev`, or `api.example.com (custom domain)`.
  const origins = (entry?.targets ?? []).flatMap((target) => {
    const [, host] = /^https:\/\/([\w.-]+)\/?$/.exec(target) ?? /^([\w.-]+) \(custom domain/.exec(target) ?? [];
    return host === undefined ? [] : [`https://${host}`];
  });
  return origins[0] ?? null;
}
