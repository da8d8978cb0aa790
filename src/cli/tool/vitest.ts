/** Runs the tests and counts them from vitest's JSON report. */
import { accessSync, chmodSync, constants, existsSync, mkdtempSync, readFileSync, rmSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { paths } from "./project.ts";
import { show } from "./run.ts";

export type TestCount = { passed: number; failed: number; skipped: number };

/** The part of the report that is needed. */
export type Report = {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
  numTodoTests: number;
  testResults: { status: string; assertionResults: { status: string }[] }[];
};

/** Runs vitest with these arguments, such as which projects of vitest.config.ts. */
export async function runTests(...args: string[]): Promise<TestCount> {
  const file = join(paths.results, "tests.json");
  const report = ["--reporter=default", "--reporter=json", `--outputFile.json=${file}`];
  const folder = temporaryFolder();
  try {
    const code = await show("vitest", ["run", ...report, ...args], { TMPDIR: folder });
    return count(existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as Report) : null, code);
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Where Linux keeps files in memory, and how much of it (bytes) has to be free: databases of tests live there. */
const MEMORY = "/dev/shm";
const ENOUGH = 2 ** 30;

/** A temporary folder of this run, in memory where there is room: a quarter of the tests' time went to waiting for a disk. */
function temporaryFolder(): string {
  const folder = mkdtempSync(join(isRoomy(MEMORY) ? MEMORY : tmpdir(), "conversations-test-"));
  // apt-get, which installs the browser, reads its files as a user of its own.
  chmodSync(folder, 0o1777);
  return folder;
}

function isRoomy(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize >= ENOUGH;
  } catch {
    return false;
  }
}

/** A test file that fails to load counts as one failure, and so does a run that fails without a failed test. */
export function count(report: Report | null, exitCode: number): TestCount {
  if (!report) return { passed: 0, failed: 1, skipped: 0 };
  const broken = report.testResults.filter(
    ({ status, assertionResults }) => status === "failed" && !assertionResults.some((one) => one.status === "failed"),
  );
  const failed = report.numFailedTests + broken.length;
  return {
    passed: report.numPassedTests,
    failed: failed === 0 && exitCode !== 0 ? 1 : failed,
    skipped: report.numPendingTests + report.numTodoTests,
  };
}
