/** The page around the widget, which may have put something of its own in the place of what the browser has there. */

/** A member of `document`: an element that is named "body" or "createElement" hides the one of that name. */
export function ofDocument<K extends keyof Document>(name: K): Document[K] {
  const value: unknown = Reflect.get(Document.prototype, name, document);
  if (typeof value !== "function") return value as Document[K];
  return ((...args: unknown[]) => Reflect.apply(value, document, args)) as Document[K];
}

/** A variable of the page, not an element or a frame of that name. */
export const ofWindow = (name: string): unknown =>
  Object.hasOwn(window, name) ? (window as unknown as Record<string, unknown>)[name] : undefined;
