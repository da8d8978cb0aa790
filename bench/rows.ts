/** What one operation costs the databases, in the figures that Cloudflare bills: D1's `meta`, and the object's cursors. */
import { setTimeout } from "node:timers/promises";
import type { Send } from "./load.ts";
import type { ListCase } from "./lists.ts";
import type { MeterReading } from "./metered-worker.ts";
import type { Load } from "./processes.ts";
import type { Tenant } from "./seed.ts";

export type OperationCost = {
  operation: string;
  /** Calls to D1, and the statements in them. */
  trips: number;
  statements: number;
  rows_read: number;
  rows_written: number;
  /** In the object's own SQLite. */
  object_rows_read: number;
  object_rows_written: number;
};

/** Milliseconds within which D1 has what an answer did not wait for. */
const SETTLED = 600;

type Conversation = { conversation: { id: string } };
type History = { messages: { id: string }[] };

/** Costs of the operations that matter, each measured once in a quiet database: these figures do not vary. */
export async function operationCosts(
  load: Load,
  base: string,
  tenant: Tenant,
  lists: ListCase[],
): Promise<OperationCost[]> {
  const costs: OperationCost[] = [];
  const read = () => load.json<MeterReading>({ method: "GET", url: `${base}/meter` });
  const send = (method: Send["method"], path: string, body?: object, headers = {}): Send => ({
    method,
    url: `${base}/v1${path}`,
    headers: { ...tenant.headers, ...headers },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  const metered = async <T>(operation: string, request: Send): Promise<T> => {
    await read();
    const [answer] = await load.run([{ ...request, keep: true }]);
    await setTimeout(SETTLED);
    const { trips, costs: each, storage } = await read();
    const sum = (key: "rows_read" | "rows_written") => each.reduce((total, one) => total + one[key], 0);
    costs.push({
      ...{ operation, trips, statements: each.length, rows_read: sum("rows_read"), rows_written: sum("rows_written") },
      object_rows_read: storage.rows_read,
      object_rows_written: storage.rows_written,
    });
    const text = answer?.body ?? "";
    return (text.startsWith("{") ? JSON.parse(text) : null) as T;
  };
  const events = { accept: "text/event-stream" };
  const say = (n: number) => ({ message: `Cost of turn ${n}` });

  const made = await metered<Conversation>(
    "create a conversation",
    send("POST", "/conversation", { agent_id: tenant.agent_id }),
  );
  const one = `/conversation/${made.conversation.id}`;
  await metered("first turn", send("POST", `${one}/chat`, say(1)));
  for (let n = 2; n < 12; n++) await load.run([send("POST", `${one}/chat`, say(n))]);
  await metered("turn, JSON", send("POST", `${one}/chat`, say(12)));
  await metered("turn, streamed", send("POST", `${one}/chat`, say(13), events));
  await metered("look at a conversation", send("GET", one));
  const { messages } = await metered<History>("history, page one", send("GET", `${one}/messages`));
  await metered("delete a message", send("DELETE", `/message/${messages[0]?.id}`));
  await metered("restore a message", send("PATCH", `/message/${messages[0]?.id}/restore`));
  await metered("delete all messages (26)", send("DELETE", `${one}/messages`));
  await metered("restore all messages (26)", send("PATCH", `${one}/message/restore-all`));
  await metered("change a title", send("PATCH", one, { title: "Another title" }));
  await metered("delete a conversation", send("DELETE", one));
  await metered("restore a conversation", send("PATCH", `${one}/restore`));
  const here = (request: Send): Send => {
    const { pathname, search } = new URL(request.url);
    return { ...request, url: base + pathname + search };
  };
  for (const { name, near, far } of lists) {
    const [ofFar = "", ofNear = ""] = name.split(" / ");
    await metered(ofNear, here(near));
    await metered(ofFar, here(far));
  }
  return costs;
}
