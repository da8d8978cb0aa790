/** wrangler.toml and wrangler.local.toml: both are as wrangler wants them, and differ only where they are meant to. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { type Schema, Validator } from "@cfworker/json-schema";
import { parse } from "smol-toml";
import { expect, it } from "vitest";
import { paths } from "../../src/cli/tool/project.ts";

it.each([paths.config, paths.localConfig])("%s fits the schema that wrangler publishes", (config) => {
  const file = join(createRequire(import.meta.url).resolve("wrangler/package.json"), "../config-schema.json");
  const validator = new Validator(JSON.parse(readFileSync(file, "utf8")) as Schema, "7", false);
  const settings = parse(readFileSync(config, "utf8"));
  expect(validator.validate(settings).errors).toEqual([]);
  expect(validator.validate({ ...settings, workers_devs: true }).valid).toBe(false);
});

type Parts = {
  [name in "name" | "main" | "compatibility_date" | "keep_names" | "alias" | "assets" | "migrations"]: unknown;
} & { [name in "durable_objects" | "ratelimits" | "vars" | "placement"]: unknown } & {
  compatibility_flags: string[];
  d1_databases: { database_id?: string }[];
  ai?: { binding: string };
};
const read = (config: string) => parse(readFileSync(config, "utf8")) as Parts;

/** What only production has: what needs an account, and no connection to hosts of its own zone. */
const OF_PRODUCTION = { ai: "AI", flag: "global_fetch_strictly_public" };

it("local running has everything that does not need an account", () => {
  const [shipped, local] = [read(paths.config), read(paths.localConfig)];
  const common = (config: Parts) => ({
    name: config.name,
    main: config.main,
    compatibility_date: config.compatibility_date,
    flags: config.compatibility_flags.filter((flag) => flag !== OF_PRODUCTION.flag),
    keep_names: config.keep_names,
    alias: config.alias,
    assets: config.assets,
    durable_objects: config.durable_objects,
    migrations: config.migrations,
    ratelimits: config.ratelimits,
    vars: config.vars,
    databases: config.d1_databases.map(({ database_id: _, ...database }) => database),
  });
  expect(common(local)).toEqual(common(shipped));
  expect(shipped.compatibility_flags).toContain(OF_PRODUCTION.flag);
  expect(shipped.ai?.binding).toBe(OF_PRODUCTION.ai);
  expect(local.ai).toBeUndefined();
});

it("production names no id, which would be another account's, and does not run beside the database", () => {
  const { d1_databases, placement } = read(paths.config);
  expect(d1_databases.map(({ database_id }) => database_id)).toEqual(d1_databases.map(() => undefined));
  expect(placement).toBeUndefined();
});
