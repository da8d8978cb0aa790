/** Opens D1 databases without the Worker: the files of `wrangler dev`, or those in production. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { getPlatformProxy, unstable_readConfig, unstable_splitSqlQuery } from "wrangler";
import { openDatabase } from "../../db/database.ts";
import { foldRows } from "../../db/folded.ts";
import { paths, root } from "../tool/project.ts";
import { type RemoteDatabase, remoteDatabases } from "../tool/remote-database.ts";

/** Opens the local database and applies missing migrations. Close it, or the process does not end. */
export async function openLocalDatabase(state = paths.state): Promise<{ d1: D1Database; close: () => Promise<void> }> {
  const { homes, close } = await openDatabases({ remote: false, state });
  return { d1: homes.get("DB") as D1Database, close };
}

type OpenDatabases = { homes: Map<string, D1Database>; close: () => Promise<void> };

/**
 * Every D1 database by the name of its binding: those of wrangler.local.toml with all migrations applied, or, through
 * wrangler's remote bindings, those of wrangler.toml.
 */
export async function openDatabases({
  remote,
  state = paths.state,
}: {
  remote: boolean;
  state?: string;
}): Promise<OpenDatabases> {
  const config = unstable_readConfig({ config: remote ? paths.config : paths.localConfig }, { hideWarnings: true });
  const { name, compatibility_date } = config;
  const ids = remote ? await remoteDatabases() : null;
  const bindings = config.d1_databases as RemoteDatabase[];
  const d1_databases = bindings.map((database) => ({
    ...database,
    ...(ids ? { remote, database_id: database.database_id ?? ids.get(database.database_name ?? "") } : {}),
  }));
  mkdirSync(paths.dev, { recursive: true });
  const configPath = join(paths.dev, "d1.json");
  writeFileSync(configPath, JSON.stringify({ name, compatibility_date, d1_databases }));
  const proxy = await getPlatformProxy<Record<string, D1Database>>({
    configPath,
    persist: { path: join(state, "v3") },
    remoteBindings: remote,
  });
  const homes = new Map(d1_databases.map(({ binding }) => [binding, proxy.env[binding] as D1Database]));
  if (!remote) {
    for (const { binding, migrations_dir } of bindings) {
      await migrate(homes.get(binding) as D1Database, join(root, migrations_dir ?? "migrations"));
    }
  }
  return { homes, close: () => proxy.dispose() };
}

/** Applies missing migrations, each in one batch with its row in wrangler's own table of migrations. */
export async function migrate(d1: D1Database, folder = paths.migrations): Promise<void> {
  await d1
    .prepare(
      `CREATE TABLE IF NOT EXISTS "d1_migrations" (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE,
       applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL)`,
    )
    .run();
  const { results } = await d1.prepare("SELECT name FROM d1_migrations").all<{ name: string }>();
  const applied = new Set(results.map((row) => row.name));
  const files = readdirSync(folder).filter((file) => file.endsWith(".sql"));
  for (const file of files.toSorted()) {
    if (applied.has(file)) continue;
    const statements = unstable_splitSqlQuery(readFileSync(join(folder, file), "utf8"));
    const record = d1.prepare("INSERT INTO d1_migrations (name) VALUES (?)").bind(file);
    await d1.batch([...statements.map((statement) => d1.prepare(statement)), record]);
  }
  if (folder === paths.migrations) await foldRows(openDatabase(d1));
}
