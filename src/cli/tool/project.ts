/** The paths of a checkout. They are absolute, so that every command works in any directory. */
import { fileURLToPath } from "node:url";

const at = (path: string) => fileURLToPath(new URL(`../../../${path}`, import.meta.url).href);

export const root = at(".");
export const paths = {
  /** Files that `npm start` generates, such as demo.json. Not in git. */
  dev: at(".dev"),
  demo: at(".dev/demo.json"),
  /** Secrets and variables for local use. Not in git. */
  vars: at(".dev.vars"),
  /** The copy of the secrets that `npm run deploy` made. Not in git. */
  secrets: at(".production.vars"),
  /** Databases and Durable Objects of local running. */
  state: at(".wrangler/state"),
  /** The claim of the process that serves this checkout. */
  claim: at(".wrangler/serving.json"),
  /** Production, and local running. */
  config: at("wrangler.toml"),
  localConfig: at("wrangler.local.toml"),
  migrations: at("migrations"),
  searchMigrations: at("migrations-search"),
  assets: at("dist/public"),
  /** Results of tests and checks. */
  results: at("dist/results"),
};

/** Ends the process with one clear message, for everything that the user can fix. */
export function fail(message: string): never {
  console.error(message);
  process.exit(1);
}
