/**
 * Lint rules, and the borders of the rooms in src: a room imports only what its row of ROOMS names. Types count as imports.
 */
import { defineConfig, type OxlintConfig } from "oxlint";

/** Everything of ours that a room may name in its row; `env` is src/env.ts. */
const FOLDERS =
  "net problem auth chat journal engine projection models db compliance http object openapi webhook budget routes".split(
    " ",
  );
const OURS = { ...Object.fromEntries(FOLDERS.map((name) => [name, `**/${name}/**`])), env: "**/env.ts" };

const PACKAGES = {
  ai: ["ai", "@ai-sdk/*"],
  hono: ["hono", "hono/*"],
  drizzle: ["drizzle-orm", "drizzle-orm/*"],
  workers: ["cloudflare:workers"],
};

type Room = { name: string; files?: string; ours: string[]; packages?: (keyof typeof PACKAGES)[] };

/** What each room may import besides itself, src/json.ts, src/lazy.ts and src/config.ts. Every arrow points down. */
const ROOMS: Room[] = [
  { name: "net", ours: [] },
  { name: "problem", ours: [] },
  { name: "auth", ours: ["net"] },
  { name: "chat", files: "src/chat/*.ts", ours: ["auth"] },
  { name: "journal", files: "src/chat/journal/**", ours: ["auth", "chat"] },
  { name: "engine", files: "src/chat/engine/**", ours: ["auth", "chat", "journal"] },
  { name: "projection", files: "src/chat/projection/**", ours: ["auth", "chat", "journal", "engine", "problem"] },
  { name: "models", ours: ["auth", "chat", "net"] },
  { name: "db", ours: ["auth", "chat", "env"], packages: ["drizzle"] },
  { name: "compliance", ours: ["auth", "chat", "db", "env"] },
  { name: "http", ours: ["auth", "chat", "db", "env", "net", "problem"], packages: ["hono"] },
  // Only what builds the static files imports it.
  { name: "openapi", ours: ["auth", "http", "problem"] },
  {
    name: "object",
    ours: ["auth", "chat", "journal", "engine", "projection", "db", "env", "models", "problem"],
    packages: ["workers"],
  },
  { name: "budget", ours: ["auth", "chat", "journal", "db", "env"], packages: ["workers"] },
  { name: "webhook", ours: ["auth", "chat", "db", "env", "net"], packages: ["workers"] },
  {
    name: "routes",
    ours: ["auth", "chat", "compliance", "db", "env", "http", "models", "net", "problem"],
    packages: ["hono"],
  },
];

type Pattern = { group: string[]; message: string } | { regex: string; message: string };

const restricted = (...patterns: Pattern[]): NonNullable<OxlintConfig["rules"]> => ({
  "eslint/no-restricted-imports": ["error", { patterns }],
});

const NOT_SERVED = {
  group: ["**/cli/**", "**/bench/**", "**/pages/**", "node:*"],
  message: "The Worker knows neither the command line nor what browsers load.",
};

const rooms = ROOMS.map(({ name, files = `src/${name}/**`, ours, packages = [] }) => ({
  files: [files],
  rules: restricted(
    NOT_SERVED,
    {
      group: [
        ...Object.entries(OURS).flatMap(([other, path]) => (other === name || ours.includes(other) ? [] : [path])),
        "**/app.ts",
        "**/index.ts",
      ],
      message: `Every arrow points down: ${name} may import ${ours.join(", ") || "nothing else of ours"}.`,
    },
    {
      group: Object.entries(PACKAGES).flatMap(([other, paths]) => (packages.some((it) => it === other) ? [] : paths)),
      message: "This package belongs to another room.",
    },
  ),
}));

export default defineConfig({
  plugins: ["typescript", "unicorn", "oxc", "import", "promise", "vitest"],
  options: { typeAware: true, denyWarnings: true, reportUnusedDisableDirectives: "error" },
  categories: { correctness: "error" },
  ignorePatterns: ["dist/**", "migrations/**", "migrations-search/**"],
  rules: {
    "eslint/eqeqeq": "error",
    "eslint/no-console": ["error", { allow: ["error", "warn"] }],
    "eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_", ignoreRestSiblings: true }],
    "eslint/no-var": "error",
    "eslint/prefer-const": "error",
    // Types count: a circle of types ties files together as well as one of values.
    "import/no-cycle": ["error", { ignoreTypes: false }],
    "typescript/await-thenable": "error",
    "typescript/consistent-type-imports": [
      "error",
      { fixStyle: "inline-type-imports", disallowTypeAnnotations: false },
    ],
    "typescript/no-base-to-string": "off",
    "typescript/no-explicit-any": "error",
    "typescript/no-floating-promises": "error",
    "typescript/no-misused-promises": "error",
    "typescript/no-non-null-assertion": "error",
    "typescript/only-throw-error": "error",
    "typescript/switch-exhaustiveness-check": "error",
    "unicorn/no-useless-spread": "off",
    // Assertions may be in functions that tests share, and may have a message.
    "vitest/expect-expect": "off",
    "vitest/no-standalone-expect": "off",
    "vitest/valid-expect": ["error", { maxArgs: 2 }],
    "vitest/no-disabled-tests": "error",
    "vitest/no-focused-tests": "error",
  },
  overrides: [
    {
      files: ["src/*.ts"],
      rules: restricted(NOT_SERVED, { group: PACKAGES.ai, message: "Only src/models knows the AI SDK." }),
    },
    ...rooms,
    {
      files: ["src/pages/**"],
      rules: restricted(
        { regex: String.raw`^(\.\./){2}`, message: "What browsers load knows nothing of the server." },
        { group: ["cloudflare:*", "node:*"], message: "What browsers load runs in browsers." },
      ),
    },
    {
      files: ["src/cli/**"],
      rules: {
        "eslint/no-console": "off",
        ...restricted({ group: ["**/bench/**", "**/test/**"], message: "What ships measures and tests nothing." }),
      },
    },
    // Its types are generated, and unknown in a fresh checkout.
    { files: ["clients/**"], rules: { "typescript/no-redundant-type-constituents": "off" } },
    { files: ["bench/**", "examples/**", "scripts/**"], rules: { "eslint/no-console": "off" } },
    {
      // A parsed answer is whatever the server sent.
      files: ["test/**", "scripts/**"],
      rules: { "typescript/no-explicit-any": "off", "eslint/no-unsafe-optional-chaining": "off" },
    },
  ],
});
