/** What an isolate of tests needs once, before its first file: this module is evaluated once, setup.ts before each file. */

type Resolve = (id: string, importer?: string) => Promise<unknown>;
type WithRunner = { __vitest_mocker__: { moduleRunner: { vitestOptions: { transport: { resolveId: Resolve } } } } };

// For each request to the Worker, and each to an object, the pool asks Node for the path of the Worker's module, which took
// a sixth of the CPU of all tests. Here it asks once.
const { transport } = (globalThis as unknown as WithRunner).__vitest_mocker__.moduleRunner.vitestOptions;
const ask = transport.resolveId;
const paths = new Map<string, unknown>();
transport.resolveId = async (id, importer) => {
  const key = JSON.stringify([id, importer]);
  if (!paths.has(key)) paths.set(key, await ask(id, importer));
  return paths.get(key);
};

// What an object logs cannot be sent from there: it would wait for the next word to Node, and the end of the file for it.
// It is kept, and shown when a test fails (setup.ts).
const { debug, log, info, warn, error } = console;
const print = { debug, log, info, warn, error };
let lines: (() => void)[] = [];
for (const [level, to] of Object.entries(print)) {
  Object.assign(console, { [level]: (...values: unknown[]) => void lines.push(() => to(...values)) });
}

export function forgetLog(): void {
  lines = [];
}

export function showLog(): void {
  for (const show of lines) show();
}
