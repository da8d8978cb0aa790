/** An agent's tools on the wire. The value of a secret header is never returned, and is sent to the tool's own address only. */
import * as z from "zod";
import { decrypt, encrypt } from "../../auth/encryption.ts";
import type { Config } from "../../config.ts";
import { toolSecretContext } from "../../db/agent.ts";
import type { HttpTool } from "../../chat/agent.ts";
import { responseShape, text } from "../../http/fields.ts";
import { refusalOf } from "../../net/outbound.ts";
import { invalid } from "../../problem/problem.ts";
import { jsonSchema } from "../json-schema.ts";
import { lazy } from "../../lazy.ts";

/** Headers that the runtime or this service sets. */
const RESERVED =
  /^(accept|connection|content-(encoding|length|type)|expect|host|keep-alive|te|trailer|transfer-encoding|upgrade|x-conversation-identity)$/i;

const parameters = lazy(() =>
  jsonSchema("JSON Schema of the arguments: an object. ≤ 16 KiB serialised.", {
    type: "object",
    properties: { order: { type: "string" } },
    required: ["order"],
  }),
);

const headerName = lazy(() =>
  z
    .string()
    .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/, "must be the name of a header")
    .refine((name) => !RESERVED.test(name), "is a header that the request has of itself")
    .meta({ example: "Authorization" }),
);

const secretHeader = lazy(() =>
  z
    .strictObject({
      name: headerName(),
      value: z
        .string()
        .max(4000)
        .regex(/^[!-~](?:[ -~]*[!-~])?$/, "must be visible ASCII, without spaces around it")
        .optional()
        .meta({
          writeOnly: true,
          description:
            "Encrypted at rest, never shown. Left out, the one that is stored for a tool of the same name and url is kept.",
        }),
      has_secret: z.boolean().optional().meta({ description: "As answers have it; not looked at." }),
    })
    .meta({ id: "ToolSecretHeaderBody" }),
);

export const toolBody = lazy(() =>
  z
    .strictObject({
      name: z.string().regex(/^[a-zA-Z0-9_-]{1,64}$/, "must be 1 to 64 of a-z, A-Z, 0-9, _ and -"),
      description: text(2000).default("").meta({ description: "What the model is told of it." }),
      parameters: parameters().default({ type: "object", properties: {} }),
      url: text(2000, 1).meta({
        description:
          "https and public. A call is a POST of `{call_id, name, arguments, conversation_id, turn_id, entity_type, entity_id}` as JSON; the entity is whose conversation it is, and the header `X-Conversation-Identity` proves it: a JWT (EdDSA) that the keys at `/.well-known/jwks.json` check, good for 60 seconds. The answer is any JSON of at most 64 KiB with a status of 2xx; redirects are not followed. What is answered can become part of the reply.",
      }),
      timeout_ms: z.int().min(100).max(30_000).default(10_000).meta({ description: "How long a call may take." }),
      secret_header: secretHeader()
        .nullable()
        .default(null)
        .meta({ description: "A header by which the tool knows who calls." }),
    })
    .meta({ id: "ToolBody" }),
);

export type ToolBody = z.output<ReturnType<typeof toolBody>>;

export const toolSchema = lazy(() =>
  z
    .object({
      ...responseShape(toolBody().shape),
      secret_header: z.object({ name: z.string(), has_secret: z.boolean() }).nullable(),
    })
    .meta({ id: "Tool" }),
);

/** The tools as they are stored. `former` are the current ones. Throws 422 for a name twice, a refused url, or no secret. */
export function storedTools(
  config: Config,
  owner: { company_id: string; agent_id: string },
  tools: ToolBody[],
  former: HttpTool[],
): Promise<HttpTool[]> {
  for (const [index, { name, url }] of tools.entries()) {
    if (tools.findIndex((tool) => tool.name === name) < index) {
      throw invalid({ path: `/tools/${index}/name`, message: "is the name of another tool" });
    }
    const refusal = refusalOf(url, { allowLoopback: config.local });
    if (refusal) throw invalid({ path: `/tools/${index}/url`, message: refusal });
  }
  return Promise.all(
    tools.map(async ({ secret_header: header, ...tool }, index) => {
      if (!header) return tool;
      const context = toolSecretContext(owner.company_id, owner.agent_id, tool);
      const stored = former.find(({ name, url }) => name === tool.name && url === tool.url)?.secret_header?.ciphertext;
      const ciphertext = await encryptedSecret(config, header.value, stored, context);
      if (ciphertext !== undefined) return { ...tool, secret_header: { name: header.name, ciphertext } };
      const message = "is needed: none is stored for this name and url";
      throw invalid({ path: `/tools/${index}/secret_header/value`, message });
    }),
  );
}

/** The ciphertext to store. The stored one stays if it has the same value, so that a repeated request changes nothing. */
async function encryptedSecret(config: Config, value: string | undefined, stored: string | undefined, context: string) {
  if (value === undefined) return stored;
  const isSame = stored !== undefined && (await decrypt(config, stored, context)) === value;
  return isSame ? stored : encrypt(config, value, context);
}

export const toolView = ({ secret_header: header, ...tool }: HttpTool) => ({
  name: tool.name,
  description: tool.description,
  parameters: tool.parameters,
  url: tool.url,
  timeout_ms: tool.timeout_ms,
  secret_header: header ? { name: header.name, has_secret: true } : null,
});
