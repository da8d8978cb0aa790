/** The Worker. */
import app from "./app.ts";
import type { Env } from "./config.ts";

export { ConversationObject } from "./chat/conversation-object.ts";

export default { fetch: app.fetch } satisfies ExportedHandler<Env>;
