/** The Worker. */
import app from "./app.ts";
import { foldRest } from "./db/folded.ts";
import type { Env } from "./env.ts";
import { purgeExpired } from "./object/retention-schedule.ts";

export { ConversationObject } from "./object/conversation-object.ts";

export default {
  fetch: app.fetch,
  scheduled: async ({ scheduledTime }, env) => {
    await purgeExpired(env, scheduledTime);
    await foldRest(env);
  },
} satisfies ExportedHandler<Env>;
