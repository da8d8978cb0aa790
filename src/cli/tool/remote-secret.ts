/** Secrets of the Worker in the Cloudflare account that wrangler is signed in to: their names, which is all that can be read. */
import { fail } from "./project.ts";
import { capture } from "./run.ts";

/** Ends the process when it cannot be known which secrets are set: one that is there must not be replaced. */
export async function remoteSecrets(): Promise<Set<string>> {
  const { code, output } = await capture("wrangler", ["secret", "list", "--format", "json"]);
  return (
    secretNames(code, output) ?? fail(`${output.trim()}\nThe secrets of the Worker cannot be listed, so none was made.`)
  );
}

/** What `wrangler secret list` tells: none where there is no such Worker yet, and null where it tells nothing. */
export function secretNames(code: number, output: string): Set<string> | null {
  if (code !== 0) return /Worker "[^"]*" not found/.test(output) ? new Set() : null;
  const list = /^\[[\s\S]*\]/m.exec(output)?.[0];
  if (list === undefined) return null;
  return new Set((JSON.parse(list) as { name: string }[]).map(({ name }) => name));
}
