/** Checks of what is shipped: the migrations match the schema, and the Worker stays small. */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { gzipSync } from "node:zlib";
import { paths, root } from "./project.ts";
import { bundleForProduction, capture, type Finding } from "./run.ts";

/** KiB, minified and gzipped. Cloudflare accepts far more, but a larger Worker starts slowly. */
const MAX_BUNDLE = 276;

/** Lets drizzle-kit generate migrations into a copy: it must have nothing to add. */
export async function checkMigrations(): Promise<Finding> {
  // Inside the checkout, because drizzle-kit accepts only relative paths here.
  const copy = mkdtempSync(join(paths.results, "migrations-"));
  try {
    cpSync(paths.migrations, copy, { recursive: true });
    const before = readdirSync(copy);
    const schema = ["--dialect", "sqlite", "--schema", "./src/db/schema.ts", "--out", relative(root, copy)];
    const { code, output } = await capture("drizzle-kit", ["generate", ...schema]);
    const added = readdirSync(copy).filter((file) => !before.includes(file));
    if (code !== 0) return { ok: false, note: output.trim() };
    if (added.length === 0) return { ok: true, note: "" };
    return { ok: false, note: "src/db/schema.ts has changes that no migration has: run `npm run db:generate`." };
  } finally {
    rmSync(copy, { recursive: true });
  }
}

/** Builds the production bundle, of which wrangler must have nothing to say, and checks its size. */
export async function checkBundle(): Promise<Finding> {
  const out = mkdtempSync(join(tmpdir(), "conversations-bundle-"));
  try {
    const { code, output } = await bundleForProduction(out);
    if (code !== 0 || /warning|unexpected fields/i.test(output)) return { ok: false, note: output.trim() };
    const files = readdirSync(out).filter((file) => file.endsWith(".js"));
    const bytes = files.reduce((sum, file) => sum + gzipSync(readFileSync(join(out, file))).length, 0);
    const size = Math.ceil(bytes / 1024);
    return {
      ok: files.length > 0 && size <= MAX_BUNDLE,
      note: `${size} of at most ${MAX_BUNDLE} KiB, minified and gzipped`,
    };
  } finally {
    rmSync(out, { recursive: true });
  }
}
