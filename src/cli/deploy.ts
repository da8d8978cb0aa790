/**
 * `npm run deploy`: makes what is missing (databases, secrets), migrates the databases, ships the Worker, and prints a link for
 * the first admin. Says each thing that it makes, and stops at the first failure.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { unstable_readConfig } from "wrangler";
import { buildAssets } from "./build.ts";
import { makeSetupLink } from "./tenant/setup-link.ts";
import { deployedOrigin, readReport, reportPlace } from "./tool/deployed-origin.ts";
import { fail, paths } from "./tool/project.ts";
import { type RemoteDatabase, remoteDatabases } from "./tool/remote-database.ts";
import { remoteSecrets } from "./tool/remote-secret.ts";
import { completeVars, random, readVars } from "./tool/vars-file.ts";
import { capture } from "./tool/run.ts";
import { wrangler } from "./tool/wrangler.ts";

type Settings = { d1_databases: RemoteDatabase[]; secrets?: { required?: string[] }; vars: { PUBLIC_URL?: string } };
const { d1_databases, secrets, vars }: Settings = unstable_readConfig({ config: paths.config });

/** Elsewhere than on the machine of who deploys; there, Cloudflare's own builds have logs that only the account sees. */
const { CI: isElsewhere, WORKERS_CI: isCloudflare } = process.env;

const folder = mkdtempSync(join(tmpdir(), "conversations-deploy-"));
process.once("exit", () => rmSync(folder, { recursive: true, force: true }));

await makeDatabases();
const options = isElsewhere ? [] : await makeSecrets();
console.log("Building the pages.");
await buildAssets();
for (const { binding } of d1_databases) {
  console.log(`Migrating ${binding}.`);
  await run("d1", "migrations", "apply", binding, "--remote");
}
console.log("Shipping the Worker.");
const report = reportPlace(join(folder, "report"));
await run("deploy", "--minify", ...options);
if (isElsewhere && !isCloudflare) {
  console.log("If there is no company yet: npm run company -- link --remote (not here, where others may read along)");
} else await printLink();

async function makeDatabases(): Promise<void> {
  const unknown = d1_databases.filter(({ database_id }) => !database_id);
  const present = unknown.length > 0 ? await remoteDatabases() : new Map<string, string>();
  for (const { binding, database_name: name } of unknown) {
    if (name === undefined) fail(`wrangler.toml has neither a database_id nor a database_name for ${binding}.`);
    if (present.has(name)) continue;
    console.log(`Making the database ${name}, bound as ${binding}.`);
    // Its own words are about the file to put an id into.
    const { code, output } = await capture("wrangler", ["d1", "create", name]);
    if (code !== 0) fail(`${output.trim()}\nThe database ${name} was not made, and nothing after it was done.`);
  }
}

/** Options of `wrangler deploy` that set the secrets which are not there. A copy of them stays in a file that git ignores. */
async function makeSecrets(): Promise<string[]> {
  const present = await remoteSecrets();
  const missing = (secrets?.required ?? []).filter((name) => !present.has(name));
  if (missing.length === 0) return [];
  console.log(
    `Making the secrets ${missing.join(" and ")}. A copy is in ${paths.secrets}: keep it where you keep passwords.`,
  );
  completeVars(paths.secrets, Object.fromEntries(missing.map((name) => [name, () => random(48)])));
  const values = readVars(paths.secrets);
  const file = join(folder, "secrets.json");
  const made = Object.fromEntries(missing.map((name) => [name, values[name]]));
  writeFileSync(file, JSON.stringify(made), { mode: 0o600 });
  return ["--secrets-file", file];
}

async function printLink(): Promise<void> {
  const link = await makeSetupLink(["--remote"], { first: true });
  if (link.kind === "failed") {
    fail(`${link.output}\nThe Worker is there, but no link for its first admin. Try: npm run company -- link --remote`);
  }
  if (link.kind === "not needed") return;
  const origin = deployedOrigin(readReport(report), vars.PUBLIC_URL) ?? "https://<the address above>";
  console.log(`
There is no company yet. This link makes the first one, with its admin key: once, and within the hour.

  ${origin}${link.path}
`);
}

async function run(...args: string[]): Promise<void> {
  const code = await wrangler(...args);
  if (code !== 0) fail(`\`wrangler ${args.join(" ")}\` failed; nothing after it was done.`);
}
