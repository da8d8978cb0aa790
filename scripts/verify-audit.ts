/**
 * Checks an exported audit trail without the service: Node.js alone, nothing installed, nothing asked.
 *
 *   API_KEY=ak_… API_SECRET=as_… node scripts/verify-audit.ts export https://api.example.com > trail.ndjson
 *   node scripts/verify-audit.ts check trail.ndjson [hash that the trail must contain …]
 *
 * A line of the file is {"audit_event": row}, {"seal": seal} or {"keys": key set}, in any order. A check ends with 0 when
 * every sealed row is as it was sealed, none is missing, every signature is good, and every given hash is among the seals.
 */
import { createHash, createPublicKey, type JsonWebKey, verify } from "node:crypto";
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

type Row = { sequence: number; chain?: string; [member: string]: unknown };
type Seal = {
  first_sequence: number;
  last_sequence: number;
  hash: string;
  previous_hash: string | null;
  signature: string;
  chain?: string;
};
type Key = JsonWebKey & { kid: string };
export type Line = { audit_event?: Row; seal?: Seal; keys?: { keys: Key[] } };
export type Report = { problems: string[]; rows: number; seals: number; unsealed: number };

/** RFC 8785: members sorted by UTF-16 code units; numbers and strings are what JSON.stringify makes of them. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`).join(",")}}`;
}

/** Whether a detached JWS (RFC 7515, appendix F) by one of the keys is over this text. */
function isSigned(keys: Key[], jws: string, text: string): boolean {
  const [header = "", middle, signature = ""] = jws.split(".");
  if (middle !== "" || signature === "") return false;
  const { alg, typ, kid } = JSON.parse(Buffer.from(header, "base64url").toString("utf8") || "{}");
  const key = keys.find((one) => one.kid === kid);
  if (alg !== "EdDSA" || typ !== "audit-seal+jws" || !key) return false;
  const input = Buffer.from(`${header}.${Buffer.from(text).toString("base64url")}`);
  return verify(null, input, createPublicKey({ key, format: "jwk" }), Buffer.from(signature, "base64url"));
}

/** What is wrong with a trail, and how much of it was looked at. `expected`: hashes that must be among the seals. */
export function checkTrail(lines: Line[], expected: string[] = []): Report {
  const keys = lines.flatMap((line) => line.keys?.keys ?? []);
  const seals = lines.flatMap((line) => line.seal ?? []);
  const events = lines.flatMap((line) => line.audit_event ?? []);
  const found = seals.map((seal) => seal.hash);
  const report: Report = { problems: [], rows: events.length, seals: seals.length, unsealed: 0 };
  for (const name of new Set([...seals, ...events].map((one) => one.chain))) {
    const inChain = <T extends { chain?: string }>(list: T[]) => list.filter(({ chain }) => chain === name);
    checkChain(report, keys, inChain(seals), inChain(events));
  }
  if (seals.length === 0) report.problems.push("there is no seal: nothing shows how the rows were");
  const absent = expected.filter((hash) => !found.includes(hash)).map((hash) => `no seal has the hash ${hash}`);
  return { ...report, problems: [...report.problems, ...absent] };
}

function checkChain(report: Report, keys: Key[], seals: Seal[], events: Row[]): void {
  const rows = new Map(events.map(({ chain: _, ...row }) => [row.sequence, row]));
  let [next, hash]: [number, string | null] = [1, null];
  for (const { chain: _, signature, ...seal } of seals.toSorted((a, b) => a.first_sequence - b.first_sequence)) {
    const { first_sequence: first, last_sequence: last, previous_hash } = seal;
    const wrong = (what: string) => report.problems.push(`rows ${first} to ${last}: ${what}`);
    if (first !== next || previous_hash !== hash) wrong("a seal is missing before");
    const numbers = Array.from({ length: last - first + 1 }, (_, i) => first + i);
    const missing = numbers.filter((n) => !rows.has(n));
    if (missing.length > 0) wrong(`${missing.join(", ")} missing`);
    const text: string = (previous_hash ?? "") + canonical(numbers.flatMap((n) => rows.get(n) ?? []));
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

type Get = (url: URL, init: { headers: Record<string, string> }) => Promise<Response>;

/** Every line of a company's trail. Rows that come in while it is read may be unsealed. */
export async function* exportTrail(
  origin: string,
  headers: Record<string, string>,
  get: Get = fetch,
): AsyncGenerator<Line> {
  const read = async (path: string): Promise<any> => {
    const response = await get(new URL(path, origin), { headers });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response.json();
  };
  async function* pages(path: string, name: string) {
    for (let cursor: string | null = null; ;) {
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

async function main([command, target, ...expected]: string[]): Promise<number> {
  if (command === "export" && target) {
    const { API_KEY = "", API_SECRET = "" } = process.env;
    const headers = { "x-api-key": API_KEY, "x-api-secret": API_SECRET };
    for await (const line of exportTrail(target, headers)) process.stdout.write(`${JSON.stringify(line)}\n`);
    return 0;
  }
  if (command !== "check" || !target) {
    console.error("usage: verify-audit.ts export <origin> | check <file> [hash …]");
    return 2;
  }
  const lines = readFileSync(target, "utf8").split("\n").filter(Boolean);
  const parsed = lines.map((line) => JSON.parse(line) as Line);
  const { problems, ...counts } = checkTrail(parsed, expected);
  for (const problem of problems) console.error(problem);
  console.log(JSON.stringify({ valid: problems.length === 0, ...counts }));
  return problems.length === 0 ? 0 : 1;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) process.exitCode = await main(process.argv.slice(2));
