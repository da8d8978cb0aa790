/** The tests' side of the upstream: scripts, gates and the requests it has seen. See client.ts for how to use it. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { SeenRequest, UpstreamState } from "./state.ts";

/** Milliseconds that a test may wait for something to happen before it is told that it did not. */
const PATIENCE = 20_000;

/** Answers the request when it is for the control side; false when it is for somebody else. */
export async function control(
  request: IncomingMessage,
  body: unknown,
  response: ServerResponse,
  state: UpstreamState,
): Promise<boolean> {
  const url = new URL(request.url ?? "/", "http://upstream");
  const [, room, encoded = "", action] = url.pathname.split("/");
  const name = decodeURIComponent(encoded);
  const route = `${request.method} ${room}${action === undefined ? "" : `/${action}`}`;
  const patience = AbortSignal.timeout(PATIENCE);
  const send = (status: number, value?: unknown) => {
    response
      .writeHead(status, { "content-type": "application/json" })
      .end(value === undefined ? "" : JSON.stringify(value));
    return true;
  };
  switch (route) {
    case "PUT scripts":
      state.setScripts(name, body as Parameters<UpstreamState["setScripts"]>[1]);
      return send(204);
    case "DELETE scripts":
      state.scripts.delete(name);
      return send(204);
    case "POST gates/open":
      state.gate(name).open = true;
      state.changed();
      return send(204);
    case "GET gates/waiting": {
      const wanted = Number(url.searchParams.get("count") ?? 1);
      const there = await state.until(() => state.gate(name).waiting >= wanted, patience);
      return send(there ? 200 : 408, state.gate(name));
    }
    case "DELETE gates":
      state.gate(name).open = false;
      return send(204);
    case "GET requests": {
      const wanted = Number(url.searchParams.get("count") ?? 0);
      const only = url.searchParams.get("state");
      const found = () => requestsOf(state, url).filter((seen) => only === null || seen.state === only);
      const there = await state.until(() => found().length >= wanted, patience);
      return send(there ? 200 : 408, there ? found() : requestsOf(state, url));
    }
    case "DELETE requests": {
      const forgotten = new Set(requestsOf(state, url));
      state.requests = state.requests.filter((seen) => !forgotten.has(seen));
      return send(204);
    }
    default:
      return false;
  }
}

function requestsOf(state: UpstreamState, url: URL): SeenRequest[] {
  const model = url.searchParams.get("model");
  return state.requests.filter((seen) => model === null || seen.model === model);
}
