/** Prepares everything that the local server needs. What exists already stays. */
import { rmSync } from "node:fs";
import { compact } from "./compact.ts";
import { buildAssets } from "../build.ts";
import { type Demo, prepareDemo } from "./demo.ts";
import { openLocalDatabase } from "./database.ts";
import { localConfig, writeLocalVars } from "./vars.ts";
import { paths } from "../tool/project.ts";

/** Prepares variables, database, demo data and pages; `fresh` begins with empty data; variables stay. */
export async function prepare(base_url: string, fresh: boolean): Promise<Demo> {
  if (fresh) for (const path of [paths.state, paths.dev]) rmSync(path, { recursive: true, force: true });
  writeLocalVars();
  compact(paths.state);
  const [demo] = await Promise.all([prepareData(base_url), buildAssets()]);
  return demo;
}

async function prepareData(base_url: string): Promise<Demo> {
  const { d1, close } = await openLocalDatabase();
  try {
    return await prepareDemo(d1, localConfig(), base_url);
  } finally {
    await close();
  }
}
