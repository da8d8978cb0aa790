/** Loaded before the TypeScript commands, in JavaScript that any Node can read: says what is wrong instead of "unknown file extension". */
const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 22 || (major === 22 && minor < 18)) {
  console.error(
    `This needs Node.js 22.18 or newer; ${process.execPath} is ${process.versions.node}.\n` +
      "`npm ci` brings the right one along for every `npm run` command (the development dependency `node`); " +
      "if it was skipped (--ignore-scripts, --omit=dev), run `npm ci` again or install a newer Node.js.",
  );
  process.exit(1);
}
