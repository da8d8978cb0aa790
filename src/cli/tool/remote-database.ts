/** D1 databases of the Cloudflare account that wrangler is signed in to. */
import { fail } from "./project.ts";
import { capture } from "./run.ts";

/** A database as wrangler.toml names it. */
export type RemoteDatabase = {
  binding: string;
  database_name?: string;
  database_id?: string;
  migrations_dir?: string;
};

/** Ids by names. Ends the process when wrangler cannot list them, as without an account. */
export async function remoteDatabases(): Promise<Map<string, string>> {
  const { code, output } = await capture("wrangler", ["d1", "list", "--json"]);
  const list = code === 0 ? /^\[[\s\S]*\]/m.exec(output)?.[0] : undefined;
  if (list === undefined) {
    return fail(`${output.trim()}\nThe databases of the account cannot be listed. Sign in first: npx wrangler login`);
  }
  return new Map((JSON.parse(list) as { name: string; uuid: string }[]).map(({ name, uuid }) => [name, uuid]));
}
