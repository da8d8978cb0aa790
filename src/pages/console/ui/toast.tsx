/** Short messages of what happened, in live regions that are there before anything is said. */
import { X } from "lucide-react";
import { type ReactNode, useSyncExternalStore } from "react";
import { Refused } from "../api.ts";
import { say } from "../words.ts";

type Toast = { id: number; text: string; isError: boolean };

/** Milliseconds that a message stays: what went wrong is longer to read. */
const STAYS = { error: 12_000, done: 4_000 };
const MOST = 4;

let toasts: Toast[] = [];
let next = 1;
const listeners = new Set<() => void>();

function set(changed: Toast[]): void {
  toasts = changed;
  for (const listener of listeners) listener();
}
const close = (id: number): void => set(toasts.filter((toast) => toast.id !== id));

function add(text: string, isError: boolean): void {
  const id = next++;
  set([...toasts.filter((toast) => toast.text !== text), { id, text, isError }].slice(-MOST));
  setTimeout(() => close(id), isError ? STAYS.error : STAYS.done);
}

export const announce = (text: string): void => add(text, false);

/** What went wrong, in the service's words where it has some. */
export const complain = (error: unknown): void => add(reasonOf(error), true);

export function reasonOf(error: unknown): string {
  if (!(error instanceof Refused)) return String(error instanceof Error ? error.message : error);
  return error.code === "network" ? say("noConnection") : error.detail;
}

const subscribe = (listener: () => void) => {
  listeners.add(listener);
  return () => listeners.delete(listener);
};

export function Toasts({ children }: { children: ReactNode }) {
  const all = useSyncExternalStore(subscribe, () => toasts);
  return (
    <>
      {children}
      <div className="toasts">
        <div role="status">{all.filter(({ isError }) => !isError).map(draw)}</div>
        <div role="alert">{all.filter(({ isError }) => isError).map(draw)}</div>
      </div>
    </>
  );
}

const draw = ({ id, text, isError }: Toast) => (
  <div key={id} className="toast" data-kind={isError ? "error" : undefined}>
    <p className="toast-title">{text}</p>
    <button type="button" className="icon-button" aria-label={say("close")} onClick={() => close(id)}>
      <X />
    </button>
  </div>
);
