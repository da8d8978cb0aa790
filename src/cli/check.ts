/**
 * `npm run check`: what must pass before a commit is shared, in about a minute. `npm test` is the same with every project of
 * vitest.config.ts, and with the tests that are tagged slow. The last line counts what passed and failed, tests and checks
 * alike; any failure is a non-zero exit.
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildAssets } from "./build.ts";
import { checkBundle, checkMigrations } from "./tool/check-output.ts";
import { paths } from "./tool/project.ts";
import { type Finding, runTool } from "./tool/run.ts";
import { runTests } from "./tool/vitest.ts";

const all = process.argv.includes("--all");

rmSync(paths.results, { recursive: true, force: true });
mkdirSync(paths.results, { recursive: true });

const build = () => buildAssets().then(() => ({ ok: true, note: "" }));
const checks: Record<string, () => Promise<Finding>> = {
  format: () => runTool("oxfmt", "--check"),
  lint: () => runTool("oxlint"),
  unused: () => runTool("knip", "--no-progress"),
  types: () => runTool("npm", "run", "--silent", "typecheck"),
  migrations: checkMigrations,
  bundle: checkBundle,
};

let passed = 0;
let failed = 0;
async function run(name: string, check: () => Promise<Finding>): Promise<void> {
  const start = performance.now();
  const { ok, note } = await check().catch((error: unknown) => ({ ok: false, note: String(error) }));
  console.log(`${ok ? "ok    " : "FAILED"} ${name} (${((performance.now() - start) / 1000).toFixed(1)} s)`);
  if (note !== "") console.log(note.replaceAll(/^/gm, "       "));
  if (ok) passed++;
  else failed++;
}

// The build comes first, because the bundle and the tests need its output. Tests wait for much that is no work: the checks
// are made meanwhile.
await run("build", build);
const checked = Object.entries(checks).map(([name, check]) => run(name, check));
const tests = await runTests(...(all ? [] : ["--project=workers", "--project=node", "--tags-filter=!slow"]));
await Promise.all(checked);
console.log(
  `Checks: ${passed} passed, ${failed} failed. Tests: ${tests.passed} passed, ${tests.failed} failed, ${tests.skipped} skipped.`,
);
const summary = `${passed + tests.passed} passed, ${failed + tests.failed} failed`;
writeFileSync(join(paths.results, "summary.txt"), `${summary}\n`);
console.log(summary);
process.exit(failed + tests.failed === 0 ? 0 : 1);
