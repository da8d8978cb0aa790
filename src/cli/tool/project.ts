/** Where things are in a checkout. Every command works from any directory. */
import { fileURLToPath } from "node:url";

const at = (path: string) => fileURLToPath(new URL(`../../../${path}`, import.meta.url).href);

export const root = at(".");
export const paths = {
  /** What `npm start` made: demo.json and what it needs in between. Not in git. */
  dev: at(".dev"),
  demo: at(".dev/demo.json"),
  /** Secrets and variables for local use. Not in git. */
  vars: at(".dev.vars"),
  /** Databases and Durable Objects of local running. */
  state: at(".wrangler/state"),
  /** Who serves this checkout, while somebody does. */
  claim: at(".wrangler/serving.json"),
  config: at("wrangler.toml"),
  migrations: at("migrations"),
  assets: at("dist/public"),
  /** Results of tests and checks. */
  results: at("dist/results"),
};

/** Ends the process with one clear sentence, for whatever the reader of the terminal can put right. */
export function fail(message: string): never {
  console.error(message);
  process.exit(1);
}
