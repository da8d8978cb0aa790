/** The platform's own tracing, where this runtime has it. Nothing that it does can harm a turn. */
import * as runtime from "cloudflare:workers";
import type { Attributes, Span, Tracer } from "../chat/engine/trace.ts";

const { tracing } = runtime as Partial<typeof runtime>;

const quietly = <T>(work: () => T): T | undefined => {
  try {
    return work();
  } catch {
    return undefined;
  }
};

type PlatformSpan = ReturnType<NonNullable<typeof tracing>["startSpan"]>;

const wrapped = (span: PlatformSpan | undefined): Span => ({
  set: (attributes: Attributes) => quietly(() => span?.setAttributes(attributes)),
  end: () => quietly(() => span?.end()),
});

export const tracer: Tracer = {
  span(name, attributes) {
    const span = wrapped(quietly(() => tracing?.startSpan(name)));
    span.set(attributes);
    return span;
  },
  async within(name, attributes, work) {
    let hasBegun = false;
    const run = async (platform?: PlatformSpan) => {
      hasBegun = true;
      const span = wrapped(platform);
      span.set(attributes);
      return work(span).finally(span.end);
    };
    try {
      return await (tracing?.startActiveSpan ? tracing.startActiveSpan(name, run) : run());
    } catch (error) {
      if (hasBegun) throw error;
      return run();
    }
  },
};
