/** Thinking that a model writes into its text becomes thinking here, for every provider: never shown, never sent back. */
import type { StreamPart } from "./connect.ts";
import type { Source } from "../net/source.ts";
import { ALIVE } from "./provider/parts.ts";
import { Remembered } from "./provider/remembered.ts";
import { type Piece, ThoughtTags } from "./thought-tags.ts";

/** Whether a model begins with thinking that it only closes, as far as that was seen. */
const leading = new Remembered<boolean>();

/** Those are known for it, wherever they run; most servers take it apart, and then nothing is held back. */
const KNOWN = /(?:^|[^a-z])(?:r1|qwq|thinking|reasoner)(?:[^a-z]|$)/i;

/** The same parts without thinking in the text. `model` names the model and its place. */
export function withoutThoughts(parts: Source<StreamPart>, model: string): Source<StreamPart> {
  const known = leading.get(model);
  const byName = known === undefined && KNOWN.test(model);
  const tags = new ThoughtTags(known ?? byName);
  const ready: StreamPart[] = [];
  let block = 0;
  const add = (pieces: Piece[]) => {
    for (const piece of pieces) ready.push(piece.type === "retract" ? piece : { ...piece, block });
    if (tags.lone) leading.set(model, true);
  };
  const take = (part: StreamPart) => {
    if (part.type === "text" && part.text !== "") {
      block = part.block;
      add(tags.take(part.text));
      if (ready.length === 0) ready.push(ALIVE);
      return;
    }
    if (part.type === "thought" && part.text !== "") add(tags.settle());
    else if (part.type === "finish" || part.type === "call" || part.type === "error") {
      add(tags.end(part.type !== "error"));
      if (part.type === "finish" && byName && !tags.lone) leading.set(model, false);
    }
    ready.push(part);
  };
  return {
    async read() {
      for (;;) {
        const value = ready.shift();
        if (value) return { done: false, value };
        const next = await parts.read();
        if (next.done) return next;
        take(next.value);
      }
    },
    cancel: (reason) => parts.cancel(reason),
  };
}
