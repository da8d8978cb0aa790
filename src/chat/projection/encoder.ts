/** The forms in which a stream can tell turns; all of them are made of the same frames. */
import type { Frame } from "./follow.ts";
import type { Journal } from "../journal/journal.ts";
import { chunkEncoder } from "./openai.ts";
import { type SseContext, sseEncoder } from "./sse.ts";
import { uiEncoder } from "./ui.ts";
import type { Projection } from "../rpc.ts";
import type { EventId } from "../turn.ts";

/** An encoder of frames that come after `start`. */
export function encoderFor(
  projection: Projection,
  context: SseContext,
  journal: Journal,
  start: EventId,
): (frame: Frame) => string {
  if (projection === "sse") return sseEncoder(context, start);
  return projection === "ui" ? uiEncoder(journal) : chunkEncoder(journal, context, projection);
}
