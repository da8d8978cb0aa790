/**
 * The Worker as it was built, except that each batch that a conversation's object writes to D1, or the sender of webhooks,
 * first asks the test what is to happen: before it goes out, and again once D1 has committed it. D1 itself is the real one.
 */
import app, { ConversationObject as Conversation, WebhookObject as Webhook } from "./index.js";

export { LedgerObject, StandbyObject } from "./index.js";

export class ConversationObject extends Conversation {
  constructor(ctx, env) {
    super(ctx, { ...env, DB: faulty(env.DB, env.FAULTS, "") });
  }
}

export class WebhookObject extends Webhook {
  constructor(ctx, env) {
    super(ctx, { ...env, DB: faulty(env.DB, env.FAULTS, "webhook_") });
  }
}

export default app;

function faulty(db, faults, prefix) {
  const obey = async (moment) => {
    const response = await faults.fetch(`http://faults/${prefix}${moment}`);
    if (!response.ok) throw new Error(`D1_ERROR: told to fail ${moment} the commit`);
  };
  const batch = async (target, statements) => {
    await obey("before");
    const result = await target.batch(statements);
    await obey("after");
    return result;
  };
  return new Proxy(db, {
    get(target, name) {
      if (name === "batch") return (statements) => batch(target, statements);
      if (name === "withSession") return (constraint) => faulty(target.withSession(constraint), faults, prefix);
      return typeof target[name] === "function" ? target[name].bind(target) : target[name];
    },
  });
}
