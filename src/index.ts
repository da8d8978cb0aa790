/** The Worker. */
import app from "./app.ts";
import { eraseRest, sealAll } from "./compliance/schedule.ts";
import { foldRest } from "./db/folded.ts";
import type { Env } from "./env.ts";
import { rollUpDue } from "./compliance/rollup.ts";
import { runRetention } from "./compliance/retention.ts";
import { runWebhooks } from "./webhook/schedule.ts";

export { ConversationObject } from "./object/conversation-object.ts";
export { LedgerObject } from "./budget/ledger-object.ts";
export { StandbyObject } from "./object/standby-object.ts";
export { WebhookObject } from "./webhook/dispatcher.ts";

export default {
  fetch: app.fetch,
  scheduled: async ({ scheduledTime }, env) => {
    // In this order, and none of them waits for another to go well: seals cost little and have an hour.
    const works = [
      () => sealAll(env),
      () => eraseRest(env),
      () => runRetention(env, scheduledTime),
      () => foldRest(env),
      () => runWebhooks(env, scheduledTime),
      () => rollUpDue(env, scheduledTime),
    ];
    const failures: unknown[] = [];
    for (const work of works) await work().catch((error: unknown) => failures.push(error));
    if (failures.length > 0) throw new Error("a part of the scheduled run failed", { cause: failures[0] });
  },
} satisfies ExportedHandler<Env>;
