/** Storage of the host's origin where it works; in private windows, sandboxed frames and full storages the memory of this page. */
import { toJson } from "./json.ts";

export type Store = { read: <T>(name: string) => T | null; write: (name: string, value: unknown) => void };

/** Values as JSON under `prefix`. A null is taken away. */
export function openStore(kind: "localStorage" | "sessionStorage", prefix: string): Store {
  /** What could not be stored. */
  const memory = new Map<string, string>();
  const attempt = <T>(work: (storage: Storage) => T): T | null => {
    try {
      return work(window[kind]);
    } catch {
      return null;
    }
  };
  const remove = (key: string) => attempt((storage) => storage.removeItem(key));
  return {
    read: (name) => {
      const key = prefix + name;
      const text = memory.get(key) ?? attempt((storage) => storage.getItem(key));
      try {
        return text ? JSON.parse(text) : null;
      } catch {
        return null;
      }
    },
    write: (name, value) => {
      const key = prefix + name;
      memory.delete(key);
      if (value === null) return void remove(key);
      const text = toJson(value);
      attempt((storage) => storage.setItem(key, text));
      if (attempt((storage) => storage.getItem(key)) === text) return;
      // What was there before must not speak for what is there now.
      remove(key);
      memory.set(key, text);
    },
  };
}
