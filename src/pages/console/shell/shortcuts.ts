/** Keys that work everywhere but in a field: Ctrl or ⌘ K opens the commands, `g` and a letter goes to a page. */
import { useEffect, useRef } from "react";
import { useLocation } from "wouter";

const GO: Record<string, string> = { i: "/inbox", l: "/leads", a: "/agents", f: "/figures", s: "/settings" };

/** Milliseconds between `g` and its letter. */
const PATIENCE = 1_000;

/** Whether a key belongs to what has the focus: a field, a menu or a dialog. */
export function isTaken({ target, ctrlKey, metaKey, altKey }: KeyboardEvent): boolean {
  if (ctrlKey || metaKey || altKey || document.querySelector("[role=dialog], :popover-open")) return true;
  return target instanceof HTMLElement && /^(input|textarea|select)$/i.test(target.localName);
}

export function useShortcuts(openPalette: () => void): void {
  const [, navigate] = useLocation();
  const since = useRef(0);
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
        event.preventDefault();
        return openPalette();
      }
      if (isTaken(event)) return;
      if (event.key === "g") since.current = event.timeStamp;
      else {
        const to = event.timeStamp - since.current < PATIENCE ? GO[event.key] : undefined;
        since.current = 0;
        if (to) navigate(to);
      }
    };
    window.addEventListener("keydown", press);
    return () => window.removeEventListener("keydown", press);
  });
}
