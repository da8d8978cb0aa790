/** `npm start` and `npm run company`, really run, in a folder that is like a fresh checkout, but not of git, and with a space in its name. One story, told in order. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { text } from "node:stream/consumers";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { buildClient } from "../../clients/typescript/build.ts";
import { verifyToken } from "../../src/auth/token.ts";
import { root } from "../../src/cli/tool/project.ts";
import { readVars } from "../../src/cli/tool/vars-file.ts";
import { readConfig } from "../../src/config.ts";
import type { Demo } from "../../src/cli/local/demo.ts";
import { freePort } from "./free-port.ts";

let folder: string;
let port: number;
const started: ChildProcess[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "conversations start-"));
  for (const path of [
    "src",
    "migrations",
    "migrations-search",
    "package.json",
    "tsconfig.json",
    "wrangler.toml",
    "wrangler.local.toml",
    "README.md",
    "docs",
    "clients/typescript/README.md",
    "CONTRIBUTING.md",
    "LICENSE",
  ]) {
    cpSync(join(root, path), join(folder, path), { recursive: true });
  }
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  port = await freePort();
});

afterAll(async () => {
  for (const child of started) if (child.exitCode === null && child.signalCode === null) await stop(child);
  rmSync(folder, { recursive: true });
});

type Run = { child: ChildProcess; output: () => string; exited: Promise<number | null> };

/** A command as its npm script runs it. */
const run = (file: string, args: string[] = [], env: Record<string, string> = {}): Run =>
  spawnIn(process.execPath, ["--import", "./src/cli/tool/require-node.js", `src/cli/${file}`, ...args], env);

/** In the folder, without a terminal. */
function spawnIn(command: string, args: string[], env: Record<string, string> = {}): Run {
  const child = spawn(command, args, {
    cwd: folder,
    env: { ...process.env, PORT: String(port), ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  started.push(child);
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data: Buffer) => (output += data.toString()));
  const exited = new Promise<number | null>((resolve) => child.once("close", resolve));
  return { child, output: () => output, exited };
}

/** Resolves once the screen is printed; fails with what was printed instead. */
function ready({ child, output, exited }: Run): Promise<string> {
  return new Promise((resolve, reject) => {
    child.stdout?.on("data", () => output().includes("A conversation, to paste") && resolve(output()));
    void exited.then((code) => reject(new Error(`ended with ${code}: ${output()}`)));
  });
}

async function stop(child: ChildProcess): Promise<void> {
  const exited = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  await exited;
}

const demo = (): Demo => JSON.parse(readFileSync(join(folder, ".dev/demo.json"), "utf8"));
const vars = () => readVars(join(folder, ".dev.vars"));
const isListening = () =>
  fetch(`http://127.0.0.1:${port}/v1/health`).then(
    () => true,
    () => false,
  );

/** Status of a request that needs a good credential. */
async function who(headers: Record<string, string>): Promise<{ status: number; body: any }> {
  const response = await fetch(`http://127.0.0.1:${port}/v1/auth/validate`, { headers });
  return { status: response.status, body: await response.json() };
}

const keyHeaders = (key: { api_key: string; api_secret: string } | undefined) => ({
  "x-api-key": key?.api_key ?? "",
  "x-api-secret": key?.api_secret ?? "",
});

let first: Demo;

it("starts from nothing, with demo data and credentials that work", async () => {
  const server = run("start.ts");
  const screen = await ready(server);
  first = demo();
  expect(Object.keys(first)).toEqual([
    "base_url",
    "company_id",
    "agent_id",
    "echo_agent_id",
    "keys",
    "user_token",
    "other_company",
  ]);
  expect(first.base_url).toBe(`http://127.0.0.1:${port}`);
  expect(screen).toContain(`${first.base_url}/docs`);
  for (const [name, scopes] of Object.entries({
    admin: ["admin"],
    read_write: ["read", "write"],
    read_only: ["read"],
  })) {
    const { status, body } = await who(keyHeaders(first.keys[name]));
    expect([name, status, body.company_id, body.scopes]).toEqual([name, 200, first.company_id, scopes]);
  }
  const { other_company } = first;
  expect(Object.keys(other_company)).toEqual(["company_id", "agent_id", "keys", "user_token"]);
  for (const { user_token, company_id } of [first, other_company]) {
    const { status, body } = await who({ authorization: `Bearer ${user_token}` });
    expect([status, body.company_id, body.entity_type]).toEqual([200, company_id, "user"]);
  }
  expect((await who(keyHeaders(other_company.keys["read_write"]))).body.company_id).toBe(other_company.company_id);
});

it("serves the page of the documentation and its files", async () => {
  const page = await fetch(`http://127.0.0.1:${port}/docs`);
  expect(page.headers.get("content-security-policy")).toContain("script-src 'self'");
  const html = await page.text();
  // Only a browser on this machine gets the demo company's key.
  expect(html).toContain(`data-key="${first.keys["admin"]?.api_key}"`);
  const elsewhere = await new Promise<string>((resolve, reject) => {
    const headers = { host: "docs.example" };
    request(`http://127.0.0.1:${port}/docs`, { headers }, (answer) => resolve(text(answer)))
      .once("error", reject)
      .end();
  });
  expect(elsewhere).toContain('id="reference"');
  expect(elsewhere).not.toContain("data-key");
  const files = [...html.matchAll(/(?:src|href)="(\/[^"]+\.(?:js|css))"/g)].map(([, path]) => path);
  expect(files.length).toBeGreaterThan(1);
  for (const path of files)
    expect([path, (await fetch(`http://127.0.0.1:${port}${path}`)).status]).toEqual([path, 200]);
  const missing = await fetch(`http://127.0.0.1:${port}/docs/missing.js`);
  expect([missing.status, missing.headers.get("content-type")]).toEqual([404, "application/problem+json"]);
});

it("holds the conversation of the README, pasted as it is", () => {
  const blocks = [...readFileSync(join(folder, "README.md"), "utf8").matchAll(/^```sh\n(.*?)^```$/gms)];
  const script = blocks.map(([, code = ""]) => code).filter((code) => code.includes("curl -s"));
  expect(script.length).toBe(2);
  const said = execFileSync("bash", ["-euc", script.join("\n")], { cwd: folder, encoding: "utf8", timeout: 60_000 });
  expect(said).toContain("Saturday from 9:00 to 16:00");
  expect(said).toContain('"sequence":2');
  expect(said).toContain("event: chat_response");
  expect(said).not.toContain("error_code");
});

it("runs the commands of docs/turns.md after those of the README", () => {
  const blocksOf = (path: string) =>
    [...readFileSync(path, "utf8").matchAll(/^```sh\n(.*?)^```$/gms)].map(([, code = ""]) => code);
  const [begin = ""] = blocksOf(join(folder, "README.md")).filter((code) => code.includes("curl -s"));
  const commands = blocksOf(join(root, "docs/turns.md"));
  const script = [begin, ...commands].join("\n").replaceAll(/\bcurl (?!-s)/g, "curl -sS --fail-with-body ");
  const said = execFileSync("bash", ["-euc", script], { cwd: folder, encoding: "utf8", timeout: 60_000 });
  expect(said).toContain('"status":"in_progress"');
  expect(said).not.toContain("error_code");
});

it("holds the README's conversation by the typed client, pasted as it is", async () => {
  await buildClient();
  const [, code = ""] = /^```js\n(.*?)^```$/ms.exec(readFileSync(join(folder, "README.md"), "utf8")) ?? [];
  writeFileSync(join(folder, "talk.mjs"), code);
  const said = execFileSync(process.execPath, ["talk.mjs"], { cwd: folder, encoding: "utf8", timeout: 60_000 });
  expect(said).toContain("We deliver in Germany, Austria and the Netherlands.");
});

it("makes a company by a link, while it serves", async () => {
  const made = run("company.ts", ["link"]);
  expect(await made.exited).toBe(0);
  const [, origin, token] = /^(\S+)\/setup#(\S+)$/m.exec(made.output()) ?? [];
  expect(origin).toBe(first.base_url);
  const exchange = () =>
    fetch(`${origin}/v1/setup`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ token, name: "By link" }),
    });
  const answer = await exchange();
  const { company, ...key } = (await answer.json()) as any;
  expect((await who(keyHeaders(key))).body).toMatchObject({ company_id: company.id, scopes: ["admin"] });
  expect((await exchange()).status).toBe(404);
});

it("says so when it runs already, and leaves that alone", async () => {
  const other = String(await freePort());
  for (const [args, env] of [
    [[], {}],
    [[], { PORT: other }],
    [["--fresh"], { PORT: other }],
  ] as const) {
    const second = run("start.ts", [...args], env);
    expect(await second.exited).toBe(1);
    expect(second.output()).toContain(`It runs here already: http://127.0.0.1:${port} `);
  }
  expect(await isListening()).toBe(true);
  expect(demo()).toEqual(first);
});

it("makes a company while it serves", async () => {
  const made = run("company.ts", ["create", "--name", "O'Hara & Sons"]);
  expect(await made.exited).toBe(0);
  const [, company_id] = /company_id\s+(\S+)/.exec(made.output()) ?? [];
  const [, api_key = ""] = /X-API-Key\s+(\S+)/.exec(made.output()) ?? [];
  const [, api_secret = ""] = /X-API-Secret\s+(\S+)/.exec(made.output()) ?? [];
  const { status, body } = await who(keyHeaders({ api_key, api_secret }));
  expect([status, body.company_id, body.scopes]).toEqual([200, company_id, ["admin"]]);
});

it.each([
  [["create"]],
  [["create", "--name", " "]],
  [["remove", "--name", "x"]],
  [["create", "--name", "x", "--force"]],
  [["link", "now"]],
])("explains how a company is made instead of guessing: %j", async (args) => {
  const refused = run("company.ts", args);
  expect(await refused.exited).toBe(1);
  expect(refused.output()).toContain("Usage: npm run company");
});

it("ends with everything it started, and keeps its data for the next start", async () => {
  const [server] = started;
  if (!server) throw new Error("nothing runs");
  await stop(server);
  expect(server.exitCode).toBe(0);
  expect(await isListening()).toBe(false);

  const again = run("start.ts");
  await ready(again);
  expect(demo()).toEqual({
    ...first,
    user_token: expect.not.stringMatching(first.user_token),
    other_company: { ...first.other_company, user_token: expect.not.stringMatching(first.other_company.user_token) },
  });
  const list = await fetch(`http://127.0.0.1:${port}/v1/conversation`, {
    headers: keyHeaders(demo().keys["read_write"]),
  });
  expect(await list.json()).toMatchObject({ pagination: { total: 3 } });
});

it("ends with a reason when its server dies, or it is itself killed outright", async () => {
  const server = started.findLast((child) => child.exitCode === null && child.signalCode === null);
  if (!server?.pid) throw new Error("nothing runs");
  const exited = new Promise((resolve) => server.once("exit", resolve));
  for (const pid of childrenOf(server.pid)) process.kill(pid, "SIGKILL");
  expect(await exited).toBe(1);

  const next = run("start.ts");
  await ready(next);
  next.child.kill("SIGKILL");
  await next.exited;
  await expect.poll(isListening, { timeout: 20_000 }).toBe(false);
});

it("says so when the port is in use", async () => {
  const server = createServer().listen(port, "127.0.0.1");
  const second = run("start.ts");
  expect(await second.exited).toBe(1);
  expect(second.output()).toContain(`Port ${port} is in use`);
  await new Promise((resolve) => server.close(resolve));
});

it.each(["SIGTERM", "SIGKILL"] as const)("ends when npm, which started it, is ended by %s", async (signal) => {
  const npm = spawnIn("npm", ["start"]);
  await ready(npm);
  npm.child.kill(signal);
  await expect.poll(isListening, { timeout: 20_000 }).toBe(false);
});

it("starts over with --fresh: other keys, an empty list, and every line of .dev.vars as it was", async () => {
  const file = join(folder, ".dev.vars");
  // As a person writes it on Windows, with one secret that is a plain text.
  const written = `\uFEFF# mine\r\nENCRYPTION_KEYS=a plain text of thirty-two characters or more\r\nTOKEN_SECRETS=${vars()["TOKEN_SECRETS"]}\r\n`;
  writeFileSync(file, `${written}OPENAI_API_KEY=mine\r\n`);
  const server = run("start.ts", ["--fresh"]);
  await ready(server);
  expect((await who(keyHeaders(first.keys["admin"]))).status).toBe(401);
  // The demo's user is the same, and so is the secret that signed this.
  expect((await who({ authorization: `Bearer ${first.user_token}` })).status).toBe(200);
  const headers = keyHeaders(demo().keys["read_write"]);
  const list = await fetch(`http://127.0.0.1:${port}/v1/conversation`, { headers });
  expect(await list.json()).toMatchObject({ pagination: { total: 0 } });
  const text = readFileSync(file, "utf8");
  expect(text).toBe(`${written}OPENAI_API_KEY=mine\r\nALLOW_LOOPBACK_UPSTREAMS=true\n`);
  const after = readVars(file);
  expect(await verifyToken(readConfig(after), demo().user_token, "access")).toMatchObject({
    ok: true,
    value: { company_id: first.company_id },
  });
  await stop(server.child);
});

it("says what to do first where nothing is installed", async () => {
  rmSync(join(folder, "node_modules"));
  const refused = run("start.ts");
  expect(await refused.exited).toBe(1);
  expect(refused.output()).toBe("Run `npm ci` first.\n");
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
});

it.each(["0", "65536", "http", "80.5"])("refuses the port %s", async (value) => {
  const refused = run("start.ts", [], { PORT: value });
  expect(await refused.exited).toBe(1);
  expect(refused.output()).toContain("PORT");
});

/** Direct children, from /proc; where there is none, from ps. */
function childrenOf(pid: number): number[] {
  if (existsSync(`/proc/${pid}/task/${pid}/children`)) {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").filter(Boolean).map(Number);
  }
  const listed = execFileSync("ps", ["-A", "-o", "pid=,ppid="], { encoding: "utf8" });
  const rows = listed
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/).map(Number));
  return rows.filter(([, parent]) => parent === pid).map(([child = 0]) => child);
}
