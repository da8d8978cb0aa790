/** Runs a tool of node_modules and captures its output, which is shown only if it fails. */
import { spawn } from "node:child_process";
import { delimiter, join } from "node:path";
import { root } from "./project.ts";
import { cli, quiet } from "./wrangler.ts";

/** `note`: what to print; mostly nothing when the check passed. */
export type Finding = { ok: boolean; note: string };

const PATH = `${join(root, "node_modules/.bin")}${delimiter}${process.env["PATH"] ?? ""}`;

/**
 * How a command of node_modules is started. On Windows they are .cmd files, which only a shell runs; a shell would take the
 * arguments of wrangler apart, but wrangler is a script.
 */
const start = (command: string, args: string[]) =>
  command === "wrangler"
    ? { file: process.execPath, all: ["--no-warnings", cli, ...args], shell: false }
    : { file: command, all: args, shell: process.platform === "win32" };

/** Runs a command without a terminal. Its output is the note if it failed. */
export async function runTool(command: string, ...args: string[]): Promise<Finding> {
  const { code, output } = await capture(command, args);
  return code === 0 ? { ok: true, note: "" } : { ok: false, note: output.trim() };
}

/** Runs a command. Resolves to its exit code and its whole output. */
export function capture(command: string, args: string[]): Promise<{ code: number; output: string }> {
  const env = { ...process.env, ...quiet, PATH, NO_COLOR: "1", FORCE_COLOR: "0" };
  const { file, all, shell } = start(command, args);
  const child = spawn(file, all, { cwd: root, stdio: ["ignore", "pipe", "pipe"], env, shell });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => (output += text));
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve({ code: code ?? 1, output }));
  });
}

/** Builds the production bundle into the folder `out`, without deploying it. */
export const bundleForProduction = (out: string) =>
  capture("wrangler", ["deploy", "--dry-run", "--minify", "--outdir", out]);

/** Runs a command in this terminal, with `variables` added to its environment. Resolves to its exit code. */
export function show(command: string, args: string[], variables: Record<string, string> = {}): Promise<number> {
  const { file, all, shell } = start(command, args);
  const child = spawn(file, all, {
    cwd: root,
    shell,
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, ...quiet, PATH, ...variables },
  });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve(code ?? 1));
  });
}
