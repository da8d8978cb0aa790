/** The Worker. */
import app from "./app.ts";
import type { Env } from "./env.ts";
import { purgeExpired } from "./object/retention-schedule.ts";

export { ConversationObject } from "./object/conversation-object.ts";

export default {
  fetch: app.fetch,
  scheduled: async ({ scheduledTime }, env) => void (await purgeExpired(env, scheduledTime)),
} satisfies ExportedHandler<Env>;
