/** Who a tool is called for, as a token (RFC 7519) that the tool can check by our key set: it need not believe the model. */
import type { Config } from "../config.ts";
import type { Entity } from "./principal.ts";
import { sign } from "./signing-key.ts";

/** Seconds: a call begins at once. */
const TTL = 60;

/** One call: of this tool, by this agent, in this turn. */
export type ToolCallFacts = Entity & {
  /** The tool's address. */
  url: string;
  agent_id: string;
  conversation_id: string;
  turn_id: string;
  call_id: string;
};

/** The token, made at `now` (ms): good for this tool's origin. `sub` is whose conversation it is, `act` (RFC 8693) the agent. */
export function toolIdentity(config: Config, facts: ToolCallFacts, now: number): Promise<string> {
  const { url, entity_type, entity_id, agent_id, conversation_id, turn_id, call_id } = facts;
  const iat = Math.floor(now / 1000);
  return sign(config, "JWT", {
    iss: config.PUBLIC_URL ?? config.TOKEN_ISSUER,
    aud: new URL(url).origin,
    sub: `${entity_type}:${entity_id}`,
    act: { sub: agent_id },
    conversation_id,
    turn_id,
    jti: call_id,
    iat,
    exp: iat + TTL,
  });
}
