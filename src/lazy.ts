/**
 * Makes something when it is first wanted, and once. Schemas are made this way: a Worker starts without them, and a
 * request pays for those of its own route only.
 */
export function lazy<T>(make: () => T): () => T {
  let made: { value: T } | null = null;
  return () => (made ??= { value: make() }).value;
}
