/** The durable floor with a database that answers later. */
import { far } from "../far.ts";
import { Conversation as Near } from "./durable.ts";
import { type FloorEnv, serve } from "./serve.ts";

export class Conversation extends Near {
  constructor(ctx: DurableObjectState, env: FloorEnv) {
    super(ctx, { ...env, DB: far(env.DB) });
  }
}

export default { fetch: (request: Request, env: FloorEnv) => serve(request, { ...env, DB: far(env.DB) }) };
