import { DurableObject } from "cloudflare:workers";
import type { Env } from "../config.ts";

/** One per conversation, named by its id. */
export class ConversationObject extends DurableObject<Env> {}
