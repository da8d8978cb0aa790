/** What all files of the browser tests need once: the built pages, and a browser. */
import { buildAssets } from "../../src/cli/build.ts";
import { prepareBrowser } from "./widget/browser.ts";

export default async function setup(): Promise<void> {
  prepareBrowser();
  await buildAssets();
}
