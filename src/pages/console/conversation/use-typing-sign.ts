/** Tells the others that somebody writes, at most every few seconds. Nothing depends on it, so a failure is let go. */
import { useCallback, useRef } from "react";
import { useSession } from "../session.tsx";

/** Milliseconds. */
const EVERY = 3_000;

export function useTypingSign(id: string): { sign: () => void; reset: () => void } {
  const { api } = useSession();
  const last = useRef(0);
  const sign = useCallback(() => {
    if (Date.now() - last.current < EVERY) return;
    last.current = Date.now();
    api.send("POST", `/conversation/${id}/typing`).catch(() => {});
  }, [api, id]);
  /** What was written is sent: the next word is news again. */
  const reset = useCallback(() => {
    last.current = 0;
  }, []);
  return { sign, reset };
}
