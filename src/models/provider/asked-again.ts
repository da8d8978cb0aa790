/** An answer that is asked for in other ways as long as the upstream refuses, before anything of it was said. */
import type { StreamPart } from "../connect.ts";
import type { Source } from "../../net/source.ts";
import { ALIVE } from "./parts.ts";

/**
 * `open` asks; it may throw, and so may what it opens. `changes` says whether the next try may go otherwise, `accepted` is
 * called once there is an answer.
 */
export async function askedAgain(
  open: () => Promise<Source<StreamPart>>,
  changes: (error: unknown) => Promise<boolean>,
  accepted: () => void,
): Promise<Source<StreamPart>> {
  const opened = async () => {
    for (;;) {
      try {
        return await open();
      } catch (error) {
        if (!(await changes(error))) throw error;
      }
    }
  };
  let parts = await opened();
  let begun = false;
  return {
    async read() {
      while (!begun) {
        try {
          const next = await parts.read();
          if (next.value === ALIVE) return next;
          if (next.value?.type === "error") throw next.value.error;
          begun = true;
          if (!next.done) accepted();
          return next;
        } catch (error) {
          if (!(await changes(error))) throw error;
          parts.cancel().catch(() => undefined);
          parts = await opened();
        }
      }
      return parts.read();
    },
    cancel: (reason) => parts.cancel(reason),
  };
}
