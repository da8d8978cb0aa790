/** Secrets of the Worker in the Cloudflare account that wrangler is signed in to: their names, which is all that can be read. */
import { fail } from "./project.ts";
import { capture } from "./run.ts";

/**
 * Names of the secrets that are set; none when there is no such Worker yet. Ends the process when that cannot be known: a
 * secret that is there must not be replaced.
 */
export async function remoteSecrets(): Promise<Set<string>> {
  const { code, output } = await capture("wrangler", ["secret", "list", "--format", "json"]);
  if (code !== 0 && /Worker "[^"]*" not found/.test(output)) return new Set();
  const list = code === 0 ? /^\[[\s\S]*\]/m.exec(output)?.[0] : undefined;
  if (list === undefined)
    return fail(`${output.trim()}\nThe secrets of the Worker cannot be listed, so none was made.`);
  return new Set((JSON.parse(list) as { name: string }[]).map(({ name }) => name));
}
