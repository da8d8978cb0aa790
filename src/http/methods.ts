/**
 * Which methods a path has: any other is 405 with `Allow` (RFC 9110, 15.5.6). A path that a route spells out, such as
 * `/conversation/deleted`, is that route's alone, though `/conversation/:id` would match it too.
 */
import { TrieRouter } from "hono/router/trie-router";
import { Problem } from "../problem/problem.ts";

export class Methods {
  readonly #spelt = new Map<string, string[]>();
  readonly #patterns = new TrieRouter<string>();

  constructor(routes: readonly { method: string; path: string }[]) {
    for (const { method, path } of routes) {
      if (method === "ALL") continue;
      this.#patterns.add("ANY", path, method);
      if (!/[:*]/.test(path)) this.#spelt.set(path, [...(this.#spelt.get(path) ?? []), ...withHead(method)]);
    }
  }

  /** Throws 405 where the path is spelt out and has no such method. */
  admit(path: string, method: string): void {
    const allowed = this.#spelt.get(path);
    if (allowed && !allowed.includes(method)) throw notAllowed(allowed);
  }

  /** The problem of a request that no route has answered. */
  refusal(path: string): Problem {
    const allowed = this.#of(path);
    return allowed.length > 0 ? notAllowed(allowed) : new Problem("not_found", "There is no such route.");
  }

  /** The answer to OPTIONS (RFC 9110, 9.3.7). Throws 404 where there is no such path. */
  options(path: string): Response {
    const allowed = this.#of(path);
    if (allowed.length === 0) throw this.refusal(path);
    return new Response(null, { status: 204, headers: { allow: listed(allowed) } });
  }

  #of(path: string): string[] {
    return this.#spelt.get(path) ?? this.#patterns.match("ANY", path)[0].flatMap(([method]) => withHead(method));
  }
}

/** What answers GET answers HEAD. */
const withHead = (method: string) => (method === "GET" ? ["GET", "HEAD"] : [method]);

const listed = (methods: string[]) => [...new Set(methods)].toSorted().join(", ");

const notAllowed = (methods: string[]) => {
  const allow = listed(methods);
  return new Problem("method_not_allowed", `This address takes ${allow}.`, { headers: { allow } });
};
