/** `.dev.vars`: random secrets for local use. Only what is missing is made; a line that is there stays, whoever wrote it. */
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { parseEnv } from "node:util";
import { unstable_readConfig } from "wrangler";
import { type Config, readConfig } from "../../config.ts";
import { fail, paths } from "../tool/project.ts";

const random = (bytes: number) => randomBytes(bytes).toString("base64url");

const GENERATED: Record<string, () => string> = {
  TOKEN_SECRETS: () => random(48),
  ENCRYPTION_KEYS: () => `local:${random(32)}`,
  ALLOW_LOOPBACK_UPSTREAMS: () => "true",
};

/** Adds missing variables. The lines before stay as they are, with the ends they have. */
export function writeLocalVars(): void {
  const before = existsSync(paths.vars) ? readFileSync(paths.vars, "utf8") : "";
  const present = parseEnv(before);
  const added = Object.entries(GENERATED).flatMap(([name, make]) => (name in present ? [] : [`${name}=${make()}`]));
  if (added.length === 0) return;
  const whole = before === "" || before.endsWith("\n") ? before : `${before}\n`;
  writeFileSync(paths.vars, `${whole}${added.join("\n")}\n`, { mode: 0o600 });
}

/** The Worker's local config. Ends the process with a message when it is invalid. */
export function localConfig(): Config {
  const { vars } = unstable_readConfig({ config: paths.localConfig }, { hideWarnings: true });
  try {
    return readConfig({ ...vars, ...parseEnv(readFileSync(paths.vars, "utf8")) });
  } catch (error) {
    return fail(`${error instanceof Error ? error.message : String(error)}\nThese are lines of ${paths.vars}`);
  }
}
