/**
 * `workers` and `databases` (with a second D1) run in workerd against real D1 and Durable Objects, `node` runs pure code, and
 * `faults` kills, starves and disturbs the built bundle from outside.
 */
import { cloudflareTest, readD1Migrations } from "@cloudflare/vitest-pool-workers";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Each of these is loaded as one file by every workerd, instead of as its many. */
const PACKAGES = [
  "@asteasolutions/zod-to-openapi",
  "@cfworker/json-schema",
  "drizzle-orm",
  "drizzle-orm/batch",
  "drizzle-orm/d1",
  "drizzle-orm/sqlite-core",
  "hono",
  "hono/accepts",
  "hono/html",
  "hono/http-exception",
  "hono/route",
  "hono/router/trie-router",
  "jose",
  "zod",
];

/** A project whose files run in workerd, against real D1 and Durable Objects. `d1` are bindings beside DB. */
const inWorkerd = (name: string, d1: Record<string, string> = {}) => ({
  plugins: [
    cloudflareTest(async ({ inject }) => ({
      wrangler: { configPath: "./wrangler.local.toml" },
      remoteBindings: false,
      verbose: false,
      miniflare: {
        d1Databases: d1,
        bindings: {
          TEST_MIGRATIONS: await readD1Migrations("./migrations"),
          TEST_SEARCH_MIGRATIONS: await readD1Migrations("./migrations-search"),
          TEST_FULL: process.env["FULL"] ?? "",
          TEST_UPSTREAM: `http://127.0.0.1:${inject("upstreamPort")}`,
          TOKEN_SECRETS: "test-secret-test-secret-test-secret-test",
          ENCRYPTION_KEYS: "k1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
          ALLOW_LOOPBACK_UPSTREAMS: "true",
        },
      },
    })),
  ],
  test: {
    name,
    include: [`test/${name}/**/*.test.ts`],
    setupFiles: ["test/workers/setup.ts"],
    globalSetup: ["test/upstream/global-setup.ts"],
    // One workerd for many files: each test makes companies of its own, and starting workerd takes longer than most files.
    isolate: false,
    deps: { optimizer: { ssr: { enabled: true, include: PACKAGES } } },
    // A busy machine takes its time, and some tests look at every company that other files have made.
    testTimeout: 90_000,
    expect: { poll: { timeout: 20_000 } },
  },
});

/** What tests of whole programs have in common. */
const WHOLE = { hookTimeout: 60_000, maxWorkers: 3, sequence: { groupOrder: 1 } };

/** What waits much, or takes long in one file, comes first of its group, so that all else runs meanwhile. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ project, moduleId }: TestSpecification) =>
      2 * project.config.sequence.groupOrder +
      (/\/test\/(?:workers\/|faults\/(?:minute|crash)|node\/regex)/.test(moduleId) ? 0 : 1);
    return (await super.sort(files)).toSorted((a, b) => rank(a) - rank(b));
  }
}

export default defineConfig({
  test: {
    silent: "passed-only",
    sequence: { sequencer: LongestFirst },
    tags: [{ name: "slow", description: "Takes seconds: `npm run check` leaves it out, `npm test` does not." }],
    // Much of a test is waiting: for storage, for a model, for another process.
    maxWorkers: 3,
    projects: [
      inWorkerd("workers"),
      inWorkerd("databases", { DB_1: "second" }),
      { test: { name: "node", include: ["test/node/**/*.test.ts"], testTimeout: 60_000, isolate: false } },
      // Whole programs, after everything else: they start servers, kill them, and wait for alarms and time limits.
      {
        test: {
          ...WHOLE,
          name: "e2e",
          // A browser on a busy machine.
          retry: 2,
          include: ["test/e2e/**/*.test.ts"],
          globalSetup: ["test/e2e/global-setup.ts"],
          testTimeout: 120_000,
        },
      },
      // Clients that other people wrote, against the built bundle.
      {
        test: {
          ...WHOLE,
          name: "clients",
          include: ["test/clients/*.test.ts"],
          globalSetup: ["test/faults/global-setup.ts", "test/clients/global-setup.ts"],
          testTimeout: 30_000,
        },
      },
      {
        test: {
          ...WHOLE,
          name: "faults",
          include: ["test/faults/**/*.test.ts"],
          globalSetup: ["test/faults/global-setup.ts"],
          testTimeout: 120_000,
        },
      },
    ],
  },
});
