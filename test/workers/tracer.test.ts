/** The platform's tracing is there in the runtime that the Worker is made for, and what goes wrong in it stays in it. */
import { tracing } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { tracer } from "../../src/object/tracer.ts";

const active = () => tracing.getActiveSpan();

describe("the tracer", () => {
  it("runs work within a span, and returns or throws what that does", async () => {
    const outside = active();
    const inside = await tracer.within("outer", { a: 1, b: undefined }, async (span) => {
      span.set({ c: true });
      await Promise.resolve();
      const inner = tracer.span("inner", { d: "e" });
      inner.end();
      inner.end();
      inner.set({ late: 1 });
      return active();
    });
    expect(inside).toBeDefined();
    expect(inside).not.toBe(outside);
    const failing = tracer.within("outer", {}, async () => {
      throw new Error("as it was");
    });
    await expect(failing).rejects.toThrow("as it was");
  });
});
