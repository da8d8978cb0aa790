/** What a failing database means for whoever asks: come again, or a fault of ours; and what the log keeps of it. */
import { describe, expect, it } from "vitest";
import { causeOf, isTransient } from "../../src/db/database.ts";
import { problemResponse } from "../../src/problem/response.ts";

const failed = (message: string) => new Error("Failed query: select … params: secret", { cause: new Error(message) });

describe("isTransient", () => {
  it.each([
    "D1_ERROR: D1 DB reset because its code was updated.",
    "D1_ERROR: Internal error while starting up D1 DB storage caused object to be reset.",
    "D1_ERROR: Internal error in D1 DB storage caused object to be reset.",
    "D1_ERROR: D1 DB storage operation exceeded timeout which caused object to be reset.",
    "D1_ERROR: Network connection lost.",
    "D1_ERROR: Cannot resolve D1 DB due to transient issue on remote node.",
    "D1_ERROR: D1 DB is overloaded. Requests queued for too long.",
    "D1_ERROR: D1 DB is overloaded. Too many requests queued.",
    "D1_ERROR: Failed to get session commit token: internal error; reference = 1os115niodrucdbupuvduclp",
    "D1_ERROR: database is locked: SQLITE_BUSY",
    "D1_ERROR: the company is in another database: SQLITE_CONSTRAINT",
  ])("%s", (message) => {
    expect([isTransient(new Error(message)), isTransient(failed(message))]).toEqual([true, true]);
  });

  it.each([
    "D1_ERROR: no such table: lead: SQLITE_ERROR",
    "D1_ERROR: UNIQUE constraint failed: agent.id: SQLITE_CONSTRAINT",
    "D1_ERROR: too many SQL variables at offset 5: SQLITE_ERROR",
    "D1_ERROR: string or blob too big: SQLITE_TOOBIG",
    "D1_TYPE_ERROR: Type 'undefined' not supported for value 'undefined'",
    "D1 DB exceeded its CPU time limit and was reset.",
    "D1_ERROR: D1 DB's isolate exceeded its memory limit and was reset.",
    "Cannot read properties of undefined (reading 'id')",
  ])("is not: %s", (message) => {
    expect([isTransient(new Error(message)), isTransient(failed(message))]).toEqual([false, false]);
  });

  it("knows what the platform says of an object's errors", () => {
    expect(isTransient(Object.assign(new Error("x"), { retryable: true }))).toBe(true);
    expect(isTransient(Object.assign(new Error("x"), { overloaded: true }))).toBe(true);
    expect(isTransient("Network connection lost.")).toBe(false);
  });
});

describe("causeOf", () => {
  it("names what failed and where, without anybody's words", () => {
    expect(causeOf(failed("D1_ERROR: no such table"))).toMatch(/^Error: D1_ERROR: no such table \(at .+\)$/);
    const parsing = (() => {
      try {
        return JSON.parse("secret words");
      } catch (error) {
        return error;
      }
    })();
    expect(causeOf(parsing)).toMatch(/^SyntaxError: in parsing/);
    expect(causeOf(failed("x")) + causeOf(parsing) + causeOf("secret")).not.toContain("secret");
  });
});

describe("Retry-After", () => {
  it("is at least what was said, and not the same for everybody", () => {
    const waits = Array.from({ length: 200 }, () => {
      const answer = problemResponse({ code: "store_unavailable", retry_after: 5 }, "http://x", "r");
      return Number(answer.headers.get("retry-after"));
    });
    expect([Math.min(...waits), new Set(waits).size > 1, Math.max(...waits) <= 8]).toEqual([5, true, true]);
  });
});
