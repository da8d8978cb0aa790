/** Variables become one typed Config, checked once per isolate; a wrong setting fails loudly. */
import * as z from "zod";
import { lazy } from "./lazy.ts";

const secretList = lazy(() =>
  z
    .string({ error: "is missing" })
    .transform((list) => list.split(",").map((s) => s.trim()))
    .pipe(z.array(z.string().min(32, "needs at least 32 characters per secret")).min(1)),
);

/** `id:key`, whose key is nearly 32 bytes of base64: one that was mistyped must not become another key. */
const MISTYPED = /^[A-Za-z0-9_-]{1,32}:[A-Za-z0-9_+/=-]{40,46}$/;
const WITH_ID = /^([A-Za-z0-9_-]{1,32}):([A-Za-z0-9_-]{43})$/;

/** One entry of ENCRYPTION_KEYS; what they mean is in auth/encryption-key.ts. */
function encryptionKey(text: string): { id: string; key: string } {
  const [, id, key] = WITH_ID.exec(text) ?? [];
  return id !== undefined && key !== undefined ? { id, key } : { id: "", key: text };
}

const encryptionKeys = lazy(() =>
  z
    .string({ error: "is missing" })
    .transform((list) => list.split(",").map((entry) => encryptionKey(entry.trim())))
    .pipe(
      z
        .array(
          z
            .object({ id: z.string(), key: z.string().min(32, "needs at least 32 characters per key") })
            .refine(
              ({ id, key }) => id !== "" || !MISTYPED.test(key),
              "has an entry id:key whose key is not 32 bytes as base64url (43 characters)",
            ),
        )
        .min(1),
    ),
);

const variables = lazy(() =>
  z.object({
    /** Signs tokens and cursors. A comma-separated list: the first signs, all verify, so a secret can be rotated. */
    TOKEN_SECRETS: secretList(),
    /** Comma-separated; the first encrypts, all decrypt. Each is a string of 32 characters or more, or `id:` and 32 bytes in base64url. */
    ENCRYPTION_KEYS: encryptionKeys(),
    /** `iss` of the tokens minted here. */
    TOKEN_ISSUER: z.string().min(1).default("conversations-api"),
    /** "true" only for local running: upstreams and issuers on loopback, and builtin/echo. */
    ALLOW_LOOPBACK_UPSTREAMS: z.enum(["true", "false"]).default("false"),
    /** Origin to use in absolute links where it differs from the one requested; what follows the host is ignored. */
    PUBLIC_URL: z
      .url({ protocol: /^https?$/ })
      .transform((url) => new URL(url).origin)
      .optional(),
    /** "off" serves visitors without the rate limit bindings; otherwise a missing one is an error. */
    RATE_LIMITS: z.enum(["on", "off"]).default("on"),
    /** Days after which what was deleted is purged for good by the scheduled run; 0 keeps it for ever. */
    RETENTION_DAYS: z
      .string()
      .regex(/^\d{1,5}$/, "must be a whole number of days")
      .transform(Number)
      .default(0),
    /** Id of the agent that widget.js shows where a page names none. */
    WIDGET_AGENT: z.uuid().optional(),
    /** `npm start` sets it: both halves of a demo company's key, which the reference page tries calls with. */
    DEMO_KEY: z
      .string()
      .regex(/^ak_[\w-]+:as_[\w-]+$/, "must be both halves of an API key with a colon between them")
      .optional(),
    OPENAI_API_KEY: z.string().optional(),
    ANTHROPIC_API_KEY: z.string().optional(),
    GOOGLE_API_KEY: z.string().optional(),
    OPENAI_COMPATIBLE_BASE_URL: z.url({ protocol: /^https?$/ }).optional(),
    OPENAI_COMPATIBLE_API_KEY: z.string().optional(),
  }),
);

/** Every variable's name, for the documentation. */
export const variableNames = (): string[] => Object.keys(variables().shape);

/** The checked variables, plus what follows from them. */
export type Config = Readonly<z.infer<ReturnType<typeof variables>>> & {
  /** True where loopback upstreams and builtin/echo are allowed. */
  readonly local: boolean;
};

const checked = new WeakMap<object, Config>();

/** Config of what wrangler binds, checked once. Throws like readConfig. */
export function configOf(env: Record<string, unknown>): Config {
  const known = checked.get(env);
  if (known) return known;
  const config = readConfig(env);
  checked.set(env, config);
  return config;
}

/** The config that these variables make. Throws, naming every wrong variable, when one is missing or malformed. */
export function readConfig(env: Record<string, unknown>): Config {
  const result = variables().safeParse(env);
  if (!result.success) {
    const wrong = result.error.issues.map((issue) => `${issue.path[0]?.toString()} ${issue.message}`);
    throw new Error(`Configuration: ${wrong.join("; ")}`);
  }
  return { ...result.data, local: result.data.ALLOW_LOOPBACK_UPSTREAMS === "true" };
}
