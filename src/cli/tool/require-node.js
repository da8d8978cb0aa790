/** Loaded before the TypeScript commands, in JavaScript that any Node can read: says what is missing instead of "unknown file extension". */
import { existsSync } from "node:fs";

/** @param {string} message */
function stop(message) {
  console.error(message);
  process.exit(1);
}

if (!existsSync(new URL("../../../node_modules/wrangler", import.meta.url))) stop("Run `npm ci` first.");

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < 22 || (major === 22 && minor < 18)) {
  stop(
    `This needs Node.js 22.18 or newer; ${process.execPath} is ${process.versions.node}.\n` +
      "`npm ci` brings the right one along for every `npm run` command (the development dependency `node`); " +
      "if it was skipped (--ignore-scripts, --omit=dev), run `npm ci` again or install a newer Node.js.",
  );
}
