/**
 * The Worker as it was built, except that each batch that a conversation's object writes to D1 first asks the test what
 * is to happen: before it goes out, and again once D1 has committed it. D1 itself is the real one.
 */
import app, { ConversationObject as Real } from "./index.js";

export { LedgerObject, StandbyObject, WebhookObject } from "./index.js";

export class ConversationObject extends Real {
  constructor(ctx, env) {
    super(ctx, { ...env, DB: faulty(env.DB, env.FAULTS) });
  }
}

export default app;

function faulty(db, faults) {
  const obey = async (moment) => {
    const response = await faults.fetch(`http://faults/${moment}`);
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
      if (name === "withSession") return (constraint) => faulty(target.withSession(constraint), faults);
      return typeof target[name] === "function" ? target[name].bind(target) : target[name];
    },
  });
}
