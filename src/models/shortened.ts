/**
 * What is left of a request that a model finds too long: the latest half of it, again and again, and at last the newest
 * question alone. It stays as valid as it was: it begins with the user, and ends with the user.
 */
import { type ModelRequest, questionsOf } from "../chat/ports.ts";

/** The request after `times` halvings. */
export function shortened(request: ModelRequest, times: number): ModelRequest {
  if (times === 0) return request;
  const { messages } = request;
  const count = messages.length >> times;
  if (count > 0) {
    const latest = messages.slice(-count);
    return { ...request, messages: latest.slice(latest.findIndex(({ role }) => role === "user")) };
  }
  // Of messages that were joined, because their answers had failed, the last one.
  const content = questionsOf(request).at(-1) ?? messages.at(-1)?.content ?? "";
  return { ...request, messages: [{ role: "user", content }] };
}

/** How often it has to be halved to have less than after `times` halvings; null when nothing more can be left out. */
export function nextHalving(request: ModelRequest, times: number): number | null {
  const before = lengthOf(shortened(request, times));
  // One more than it takes to leave a single message, whatever the window.
  for (let n = times + 1; request.messages.length >> (n - 1) > 0; n++) {
    if (lengthOf(shortened(request, n)) < before) return n;
  }
  return null;
}

const lengthOf = ({ messages }: ModelRequest): number => messages.reduce((sum, { content }) => sum + content.length, 0);
