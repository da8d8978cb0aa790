/**
 * An answer that is asked for in other manners as long as the upstream refuses, before anything of it was said. Servers of
 * one protocol differ in what they take: each is asked in the usual manner first, and the one that it took is remembered.
 */
import type { Source } from "../../net/source.ts";
import type { StreamPart } from "../connect.ts";
import type { Remembered } from "./remembered.ts";
import { UpstreamError } from "./report.ts";

type Asking<M> = {
  manners: Remembered<M>;
  /** The model and its place. */
  key: string;
  usual: M;
  /** Asks; it may throw, and so may what it opens. */
  open: (manner: M) => Promise<Source<StreamPart>>;
  /**
   * The manner of the next try, `manner` itself to ask the same again, or null when nothing else is worth a try. `tried`:
   * manners so far.
   */
  otherwise: (manner: M, error: UpstreamError, tried: number) => M | null | Promise<M | null>;
};

/** Manners that one answer is asked for in, at most. */
const MAX_MANNERS = 3;

export async function askedAgain<M>(asking: Asking<M>): Promise<Source<StreamPart>> {
  const { manners, key, usual, open, otherwise } = asking;
  let manner = manners.get(key) ?? usual;
  let tried = 1;
  const changes = async (error: unknown) => {
    const other = error instanceof UpstreamError ? await otherwise(manner, error, tried) : null;
    if (other === null || (other !== manner && tried++ === MAX_MANNERS)) return false;
    manner = other;
    return true;
  };
  const opened = async () => {
    for (;;) {
      try {
        return await open(manner);
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
          if (next.value?.type === "alive") return next;
          if (next.value?.type === "error") throw next.value.error;
          begun = true;
          if (!next.done && tried > 1) manners.set(key, manner);
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

/** What of a request may be refused, in which words, whether it was sent at all, and how to do without it. */
export type Refusable<M> = { said: RegExp; sent: boolean; instead: Partial<M> };

/** The manner without everything that the error speaks of, or null where it speaks of nothing that was sent. */
export function withoutRefused<M>(manner: M, error: UpstreamError, refusable: Refusable<M>[]): M | null {
  const refused = refusable.filter(({ said, sent }) => sent && error.mentions(said));
  return refused.length === 0 ? null : Object.assign({}, manner, ...refused.map(({ instead }) => instead));
}
