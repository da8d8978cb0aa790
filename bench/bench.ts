/**
 * `npm run bench [-- --quick]`: how fast the service is, beside floors that do less in the same run on the same machine.
 * Prints a table and writes dist/bench.json. Everything runs on loopback with state on disk; nothing of it is kept.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { measure } from "./measure.ts";
import { Load, startUpstream } from "./processes.ts";
import { costTable, isReached, table } from "./report.ts";
import { fail, root } from "../src/cli/tool/project.ts";

// What wrangler.ts sets for a wrangler of its own process; here miniflare runs in this one.
Object.assign(process.env, { CLOUDFLARE_CF_FETCH_ENABLED: "false", X_LOCAL_OBSERVABILITY: "false" });

const { quick } = readArguments();
/** All of it within five minutes, or within one. */
const efforts = quick
  ? {
      turns: { rounds: 12, seconds: 5 },
      far: { rounds: 4, seconds: 5 },
      streams: { rounds: 8, seconds: 5 },
      first: { rounds: 6, seconds: 2 },
      parallel: { rounds: 3, seconds: 5 },
      created: { rounds: 3, seconds: 3 },
      depths: { rounds: 6, seconds: 3 },
      lists: { rounds: 8, seconds: 3 },
      start: { rounds: 3, seconds: 2 },
    }
  : {
      turns: { rounds: 120, seconds: 60 },
      far: { rounds: 20, seconds: 20 },
      streams: { rounds: 80, seconds: 50 },
      first: { rounds: 40, seconds: 10 },
      parallel: { rounds: 12, seconds: 90 },
      created: { rounds: 20, seconds: 10 },
      depths: { rounds: 30, seconds: 20 },
      lists: { rounds: 80, seconds: 40 },
      start: { rounds: 9, seconds: 5 },
    };

const began = performance.now();
const seconds = () => (performance.now() - began) / 1000;
const say = (what: string) => console.error(`${seconds().toFixed(0).padStart(4)} s  ${what}`);

mkdirSync(join(root, "dist"), { recursive: true });
// Inside the checkout, because a temporary folder may be memory.
const folder = mkdtempSync(join(root, "dist", "bench-"));
const upstream = await startUpstream();
const load = new Load();
try {
  const { lines, costs } = await measure({ folder, load, model: upstream.base_url, efforts, say });
  const missed = lines.filter((line) => isReached(line) === false).length;
  const result = { at: new Date().toISOString(), quick, seconds: seconds(), lines, costs };
  writeFileSync(join(root, "dist", "bench.json"), `${JSON.stringify(result, null, 2)}\n`);
  console.log(`${table(lines)}\n\n${costTable(costs)}\n`);
  console.log(
    `${missed === 0 ? "Every target was reached." : `Targets missed: ${missed}.`} All of it is in dist/bench.json.`,
  );
} finally {
  load.stop();
  upstream.stop();
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}

function readArguments(): { quick: boolean } {
  try {
    return parseArgs({ options: { quick: { type: "boolean", default: false } } }).values;
  } catch (error) {
    return fail(`${error instanceof Error ? error.message : String(error)}\nUsage: npm run bench [-- --quick]`);
  }
}
