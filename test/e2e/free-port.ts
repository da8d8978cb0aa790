/** A port of this machine on which nothing listens. */
import { once } from "node:events";
import { createServer } from "node:net";
import { HOST } from "../../src/cli/local/server.ts";

export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, HOST);
  await once(probe, "listening");
  const address = probe.address();
  probe.close();
  await once(probe, "close");
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
