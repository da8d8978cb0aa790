/** The service with databases that answer later, as one on another continent does. */
import app from "../src/app.ts";
import type { Env } from "../src/env.ts";
import { ConversationObject as Conversation } from "../src/object/conversation-object.ts";
import { far } from "./far.ts";

export { WebhookObject } from "../src/webhook/dispatcher.ts";

const known = new WeakMap<Env, Env>();

function away(env: Env): Env {
  const found = known.get(env) ?? { ...env, DB: far(env.DB), ...(env.SEARCH ? { SEARCH: far(env.SEARCH) } : {}) };
  known.set(env, found);
  return found;
}

export class ConversationObject extends Conversation {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, away(env));
  }
}

export default {
  fetch: (request: Request, env: Env, ctx: ExecutionContext): Response | Promise<Response> =>
    app.fetch(request, away(env), ctx),
};
