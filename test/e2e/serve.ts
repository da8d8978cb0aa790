/** `wrangler dev` on a port of its own. */
import { type Server, startServer } from "../../src/cli/local/server.ts";
import { freePort } from "./free-port.ts";

/**
 * Starts the service with further options of `wrangler dev`. wrangler chooses ports before it listens on them, so that one of
 * two that start together may find its own taken: it is started again.
 */
export async function serve(...options: string[]): Promise<Server> {
  let problem: string | null = null;
  for (let tries = 0; tries < 3; tries++) {
    const server = startServer(await freePort(), ...options);
    problem = await server.ready;
    if (problem === null) return server;
    await server.stop();
  }
  throw new Error(`The service ${problem}.`);
}
