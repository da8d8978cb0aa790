/** Storage of the host's origin where there is one; in private windows and sandboxed frames the memory of this page. */

export type Store = { read: <T>(name: string) => T | null; write: (name: string, value: unknown) => void };

/** Values as JSON under `prefix`. A null is taken away. */
export function openStore(kind: "localStorage" | "sessionStorage", prefix: string): Store {
  const memory = new Map<string, string>();
  const attempt = <T>(work: (storage: Storage) => T): T | null => {
    try {
      return work(window[kind]);
    } catch {
      return null;
    }
  };
  return {
    read: (name) => {
      const key = prefix + name;
      const text = attempt((storage) => storage.getItem(key)) ?? memory.get(key);
      try {
        return text ? JSON.parse(text) : null;
      } catch {
        return null;
      }
    },
    write: (name, value) => {
      const key = prefix + name;
      if (value === null) {
        memory.delete(key);
        attempt((storage) => storage.removeItem(key));
      } else {
        memory.set(key, JSON.stringify(value));
        attempt((storage) => storage.setItem(key, JSON.stringify(value)));
      }
    },
  };
}
