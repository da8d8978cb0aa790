/** The Worker. */
import app from "./app.ts";
import { sealAll } from "./compliance/schedule.ts";
import { foldRest } from "./db/folded.ts";
import type { Env } from "./env.ts";
import { runRetention } from "./object/retention-schedule.ts";

export { ConversationObject } from "./object/conversation-object.ts";

export default {
  fetch: app.fetch,
  scheduled: async ({ scheduledTime }, env) => {
    try {
      await runRetention(env, scheduledTime);
      await foldRest(env);
    } finally {
      await sealAll(env);
    }
  },
} satisfies ExportedHandler<Env>;
