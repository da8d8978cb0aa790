/** `.dev.vars`: random secrets for local use, and what only local running allows. */
import { unstable_readConfig } from "wrangler";
import { type Config, readConfig } from "../../config.ts";
import { fail, paths } from "../tool/project.ts";
import { completeVars, random, readVars } from "../tool/vars-file.ts";

const GENERATED: Record<string, () => string> = {
  TOKEN_SECRETS: () => random(48),
  ENCRYPTION_KEYS: () => `local:${random(32)}`,
  ALLOW_LOOPBACK_UPSTREAMS: () => "true",
};

export const writeLocalVars = (): void => completeVars(paths.vars, GENERATED);

/** The Worker's local config. Ends the process with a message when it is invalid. */
export function localConfig(): Config {
  const { vars } = unstable_readConfig({ config: paths.localConfig }, { hideWarnings: true });
  try {
    return readConfig({ ...vars, ...readVars(paths.vars) });
  } catch (error) {
    return fail(`${error instanceof Error ? error.message : String(error)}\nThese are lines of ${paths.vars}`);
  }
}
