import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import * as replacement from "../../src/models/provider/zod.ts";

const read = (path: string) => readFileSync(new URL(`../../node_modules/${path}`, import.meta.url).pathname, "utf8");
const providers = ["@ai-sdk/anthropic/dist/internal/index.js", "@ai-sdk/google/dist/internal/index.js"];

it.each([...providers, "@ai-sdk/provider-utils/dist/index.js"])("has all that %s imports from zod/v4", (path) => {
  const imports = [...read(path).matchAll(/import \{([^}]+)\} from "zod\/v4"/g)];
  const names = imports.flatMap(([, list = ""]) => list.split(",").map((name) => name.trim().split(" as ")[0] ?? ""));
  expect(names.length).toBeGreaterThan(0);
  expect(Object.keys(replacement)).toEqual(expect.arrayContaining(names));
});

it.each(providers)("has every member that %s uses", (path) => {
  const members = new Set([...read(path).matchAll(/(?<![\w.$])z\.(\w+)/g)].map(([, name = ""]) => name));
  expect(members.size).toBeGreaterThan(5);
  expect(Object.keys(replacement.z)).toEqual(expect.arrayContaining([...members]));
});
