/** `npm run deploy`: makes what is missing, migrates the databases, then ships the Worker. Stops at the first failure. */
import { unstable_readConfig } from "wrangler";
import { buildAssets } from "./build.ts";
import { fail, paths } from "./tool/project.ts";
import { type RemoteDatabase, remoteDatabases } from "./tool/remote-database.ts";
import { wrangler } from "./tool/wrangler.ts";

const { d1_databases }: { d1_databases: RemoteDatabase[] } = unstable_readConfig({ config: paths.config });

const unknown = d1_databases.filter(({ database_id }) => !database_id);
const present = unknown.length > 0 ? await remoteDatabases() : new Map<string, string>();
for (const { binding, database_name: name } of unknown) {
  if (name === undefined) fail(`wrangler.toml has neither a database_id nor a database_name for ${binding}.`);
  if (present.has(name)) continue;
  console.log(`Making the database ${name}, bound as ${binding}.`);
  await run("d1", "create", name);
}

console.log("Building the pages.");
await buildAssets();
for (const { binding } of d1_databases) {
  console.log(`Migrating ${binding}.`);
  await run("d1", "migrations", "apply", binding, "--remote");
}
console.log("Shipping the Worker.");
await run("deploy", "--minify");

async function run(...args: string[]): Promise<void> {
  const code = await wrangler(...args);
  if (code !== 0) fail(`\`wrangler ${args.join(" ")}\` failed; nothing after it was done.`);
}
