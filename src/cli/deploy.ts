/** `npm run deploy`: builds, migrates the production database, then ships the Worker. Stops at the first failure. */
import { unstable_readConfig } from "wrangler";
import { buildAssets } from "./build.ts";
import { fail, paths } from "./tool/project.ts";
import { wrangler } from "./tool/wrangler.ts";

const { d1_databases } = unstable_readConfig({ config: paths.config, env: "production" });
for (const { binding, database_id } of d1_databases) {
  if (!database_id || /^[0-]+$/.test(database_id)) {
    fail(
      `wrangler.toml has no database_id for ${binding} under [env.production] yet. ` +
        "`npx wrangler d1 create conversations` makes a database and prints it; the README has every step.",
    );
  }
}

await buildAssets();
for (const { binding } of d1_databases) {
  await run("d1", "migrations", "apply", binding, "--remote", "--env", "production");
}
await run("deploy", "--env", "production", "--minify");

async function run(...args: string[]): Promise<void> {
  const code = await wrangler(...args);
  if (code !== 0) fail(`\`wrangler ${args.join(" ")}\` failed; nothing after it was done.`);
}
