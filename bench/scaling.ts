/** `npm run scaling`: writes the tables of docs/scaling.md from what was measured, priced and assumed, and prints them. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../src/cli/tool/project.ts";
import { tables, withTables } from "./scaling/tables.ts";

const file = join(root, "docs/scaling.md");
const all = tables();
writeFileSync(file, withTables(readFileSync(file, "utf8"), all));
for (const [name, text] of Object.entries(all)) console.log(`${name}\n\n${text}\n`);
