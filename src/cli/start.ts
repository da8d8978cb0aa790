/** `npm start`: prepares what is missing, serves locally until it is stopped, and prints how to use it. */
import { parseArgs } from "node:util";
import { setTimeout as sleep } from "node:timers/promises";
import { claimCheckout } from "./local/claim.ts";
import { launcherGone } from "./local/launcher.ts";
import { compact } from "./local/compact.ts";
import { fail, paths } from "./tool/project.ts";
import { screen } from "./local/screen.ts";
import { HOST, portIsFree, startServer } from "./local/server.ts";

const { fresh } = readArguments();
const port = readPort();
await claimCheckout(port);
if (!(await portIsFree(port))) {
  fail(`Port ${port} is in use. Stop what listens there, or choose another one: PORT=${port + 1} npm start`);
}

// Loading this takes a while, so it waits until the command line is checked.
const { prepare } = await import("./local/prepare.ts");
const { localConfig } = await import("./local/vars.ts");
const demo = await prepare(`http://${HOST}:${port}`, fresh);

const interruption = new Promise<"interrupted">((resolve) => {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => resolve("interrupted"));
  void launcherGone().then(() => resolve("interrupted"));
});
const { api_key, api_secret } = demo.keys["admin"] ?? {};
const { PUBLIC_URL, WIDGET_AGENT } = localConfig();
const variables = {
  // What links begin with, whatever host a request names.
  PUBLIC_URL: PUBLIC_URL ?? demo.base_url,
  WIDGET_AGENT: WIDGET_AGENT ?? demo.agent_id,
  ...(api_key && api_secret ? { DEMO_KEY: `${api_key}:${api_secret}` } : {}),
};
const server = startServer(
  port,
  ...Object.entries(variables).flatMap(([name, value]) => ["--var", `${name}:${value}`]),
);
let outcome = await Promise.race([interruption, server.ready]);
if (outcome === null) {
  console.log(screen(demo));
  outcome = await Promise.race([interruption, server.ended]);
}
// A signal to the whole process group reaches the server first.
if (outcome !== "interrupted") outcome = await Promise.race([interruption, sleep(200, outcome)]);
await server.stop();
compact(paths.state);
if (outcome === "interrupted") process.exit(0);
fail(`The local server ${outcome}. Its output is above; npm start -- --fresh begins with empty data.`);

function readArguments(): { fresh: boolean } {
  try {
    return parseArgs({ options: { fresh: { type: "boolean", default: false } } }).values;
  } catch (error) {
    return fail(`${error instanceof Error ? error.message : String(error)}\nUsage: npm start [-- --fresh]`);
  }
}

function readPort(): number {
  const text = process.env["PORT"] || "8787";
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || value > 65_535)
    fail(`PORT is "${text}", but must be a number from 1 to 65535.`);
  return value;
}
