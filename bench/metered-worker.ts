/**
 * The service with its D1 and its objects' storage counted: `GET /meter` answers what was done since it was last asked.
 * Answers and writes are those of the service; only its speed is not.
 */
import app from "../src/app.ts";
import { ConversationObject as Conversation } from "../src/object/conversation-object.ts";
import type { Env } from "../src/env.ts";
import { metered, type Cost } from "./metered-database.ts";

export type MeterReading = {
  trips: number;
  costs: Cost[];
  storage: { statements: number; rows_read: number; rows_written: number };
};

let reading: MeterReading = empty();

function empty(): MeterReading {
  return { trips: 0, costs: [], storage: { statements: 0, rows_read: 0, rows_written: 0 } };
}

const counted = new WeakMap<Env, Env>();

function count(env: Env): Env {
  let known = counted.get(env);
  if (!known) {
    const DB = metered(env.DB, ({ trips, costs }) => {
      reading.trips += trips;
      reading.costs.push(...costs);
    });
    known = { ...env, DB };
    counted.set(env, known);
  }
  return known;
}

export { LedgerObject } from "../src/budget/ledger-object.ts";
export { StandbyObject } from "../src/object/standby-object.ts";
export { WebhookObject } from "../src/webhook/dispatcher.ts";

export class ConversationObject extends Conversation {
  constructor(ctx: DurableObjectState, env: Env) {
    const { sql } = ctx.storage;
    const exec = sql.exec.bind(sql) as SqlStorage["exec"];
    Object.defineProperty(ctx.storage, "sql", {
      value: {
        exec: (query: string, ...values: SqlStorageValue[]) => {
          const cursor = exec(query, ...values);
          const rows = cursor.toArray();
          reading.storage.statements++;
          reading.storage.rows_read += cursor.rowsRead;
          reading.storage.rows_written += cursor.rowsWritten;
          return {
            toArray: () => rows,
            one: () => rows[0],
            [Symbol.iterator]: () => rows[Symbol.iterator](),
            rowsWritten: cursor.rowsWritten,
            rowsRead: cursor.rowsRead,
          };
        },
      },
    });
    super(ctx, count(env));
  }
}

export default {
  fetch(request: Request, env: Env, ctx: ExecutionContext): Response | Promise<Response> {
    if (new URL(request.url).pathname !== "/meter") return app.fetch(request, count(env), ctx);
    const told = reading;
    reading = empty();
    return Response.json(told);
  },
};
