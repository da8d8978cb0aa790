// @ts-check
/**
 * Checks an exported audit trail without the service: any Node.js from 20 on, nothing installed, nothing asked.
 *
 *   API_KEY=ak_… API_SECRET=as_… node scripts/verify-audit.mjs export https://api.example.com > trail.ndjson
 *   node scripts/verify-audit.mjs check trail.ndjson [hash that the trail must contain …]
 *
 * A line of the file is {"audit_event": row}, {"seal": seal} or {"keys": key set}, in any order. A check ends with 0 when
 * every sealed row is as it was sealed, none is missing, every signature is good, and every given hash is among the seals.
 */
import { createHash, createPublicKey, verify } from "node:crypto";
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

/**
 * @typedef {{ sequence: number, chain?: string, [member: string]: unknown }} Row
 * @typedef {{ first_sequence: number, last_sequence: number, hash: string, previous_hash: string | null, signature: string, chain?: string }} Seal
 * @typedef {import("node:crypto").JsonWebKey & { kid: string }} Key
 * @typedef {{ audit_event?: Row, seal?: Seal, keys?: { keys: Key[] } }} Line
 * @typedef {{ problems: string[], rows: number, seals: number, unsealed: number }} Report
 */

/**
 * RFC 8785: members sorted by UTF-16 code units; numbers and strings are what JSON.stringify makes of them.
 * @param {unknown} value
 * @returns {string}
 */
function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`).join(",")}}`;
}

/**
 * Whether a detached JWS (RFC 7515, appendix F) by one of the keys is over this text.
 * @param {Key[]} keys
 * @param {string} jws
 * @param {string} text
 */
function isSigned(keys, jws, text) {
  const [header = "", middle, signature = ""] = jws.split(".");
  if (middle !== "" || signature === "") return false;
  const { alg, typ, kid } = JSON.parse(Buffer.from(header, "base64url").toString("utf8") || "{}");
  const key = keys.find((one) => one.kid === kid);
  if (alg !== "EdDSA" || typ !== "audit-seal+jws" || !key) return false;
  const input = Buffer.from(`${header}.${Buffer.from(text).toString("base64url")}`);
  return verify(null, input, createPublicKey({ key, format: "jwk" }), Buffer.from(signature, "base64url"));
}

/**
 * What is wrong with a trail, and how much of it was looked at. `expected`: hashes that must be among the seals.
 * @param {Line[]} lines
 * @param {string[]} [expected]
 * @returns {Report}
 */
export function checkTrail(lines, expected = []) {
  const keys = lines.flatMap((line) => line.keys?.keys ?? []);
  const seals = lines.flatMap((line) => line.seal ?? []);
  const events = lines.flatMap((line) => line.audit_event ?? []);
  const found = seals.map((seal) => seal.hash);
  /** @type {Report} */
  const report = { problems: [], rows: events.length, seals: seals.length, unsealed: 0 };
  for (const name of new Set([...seals, ...events].map((one) => one.chain))) {
    const isIn = (/** @type {{ chain?: string }} */ { chain }) => chain === name;
    checkChain(report, keys, seals.filter(isIn), events.filter(isIn));
  }
  if (seals.length === 0)
    report.problems.push("there is no seal, so nothing shows how the rows were: GET /v1/audit/verify makes one");
  const absent = expected.filter((hash) => !found.includes(hash)).map((hash) => `no seal has the hash ${hash}`);
  return { ...report, problems: [...report.problems, ...absent] };
}

/**
 * @param {Report} report
 * @param {Key[]} keys
 * @param {Seal[]} seals
 * @param {Row[]} events
 */
function checkChain(report, keys, seals, events) {
  const rows = new Map(events.map(({ chain: _, ...row }) => [row.sequence, row]));
  let next = 1;
  /** @type {string | null} */
  let hash = null;
  for (const { chain: _, signature, ...seal } of seals.toSorted((a, b) => a.first_sequence - b.first_sequence)) {
    const { first_sequence: first, last_sequence: last, previous_hash } = seal;
    const wrong = (/** @type {string} */ what) => report.problems.push(`rows ${first} to ${last}: ${what}`);
    if (first !== next || previous_hash !== hash) wrong("a seal is missing before");
    const numbers = Array.from({ length: last - first + 1 }, (_, i) => first + i);
    const missing = numbers.filter((n) => !rows.has(n));
    if (missing.length > 0) wrong(`${missing.join(", ")} missing`);
    /** @type {string} */
    const text = (previous_hash ?? "") + canonical(numbers.flatMap((n) => rows.get(n) ?? []));
    if (createHash("sha256").update(text).digest("hex") !== seal.hash) wrong("not as they were sealed");
    if (!isSigned(keys, signature, canonical(seal))) wrong("the signature is not good");
    [next, hash] = [last + 1, seal.hash];
  }
  const last = [...rows.keys()].reduce((a, b) => Math.max(a, b), 0);
  const unsealed = Array.from({ length: Math.max(0, Math.min(events.length, last - next + 1)) }, (_, i) => next + i);
  const missing = unsealed.filter((n) => !rows.has(n));
  if (missing.length > 0) report.problems.push(`${missing.join(", ")} missing behind the last seal`);
  if (rows.size < events.length) report.problems.push(`${events.length - rows.size} rows have a number of another row`);
  const stray = [...rows.keys()].filter((n) => !Number.isSafeInteger(n) || n < 1);
  if (stray.length > 0) report.problems.push(`${stray.length} rows have no place in the order`);
  report.unsealed += unsealed.length - missing.length;
}

/**
 * Every line of a company's trail. Rows that come in while it is read may be unsealed.
 * @param {string} origin
 * @param {Record<string, string>} headers
 * @param {(url: URL, init: { headers: Record<string, string> }) => Promise<Response>} [get]
 * @returns {AsyncGenerator<Line>}
 */
export async function* exportTrail(origin, headers, get = fetch) {
  /** @type {(path: string) => Promise<any>} */
  const read = async (path) => {
    const response = await get(new URL(path, origin), { headers });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response.json();
  };
  /** @type {(path: string, name: string) => AsyncGenerator<any>} */
  async function* pages(path, name) {
    for (let cursor = null; ;) {
      const page = await read(`${path}?per_page=100${cursor ? `&cursor=${cursor}` : ""}`);
      yield* page[name];
      cursor = page.pagination.next_cursor;
      if (cursor === null) return;
    }
  }
  yield { keys: await read("/.well-known/jwks.json") };
  for await (const seal of pages("/v1/audit/seals", "seals")) yield { seal };
  for await (const audit_event of pages("/v1/audit", "audit_events")) yield { audit_event };
}

/** @param {string[]} words The command line. Resolves to the exit code. */
async function main([command, target, ...expected]) {
  if (command === "export" && target) {
    const { API_KEY = "", API_SECRET = "" } = process.env;
    const headers = { "x-api-key": API_KEY, "x-api-secret": API_SECRET };
    for await (const line of exportTrail(target, headers)) process.stdout.write(`${JSON.stringify(line)}\n`);
    return 0;
  }
  if (command !== "check" || !target) {
    console.error("usage: verify-audit.mjs export <origin> | check <file> [hash …]");
    return 2;
  }
  const lines = readFileSync(target, "utf8").split("\n").filter(Boolean);
  const parsed = lines.map((line) => JSON.parse(line));
  const { problems, ...counts } = checkTrail(parsed, expected);
  for (const problem of problems) console.error(problem);
  console.log(JSON.stringify({ valid: problems.length === 0, ...counts }));
  return problems.length === 0 ? 0 : 1;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) process.exitCode = await main(process.argv.slice(2));
