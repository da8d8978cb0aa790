/**
 * The options of the script that runs, however it came into the page: as it is documented, as a module, put in anew by an
 * optimiser, fetched and evaluated by a loader, or by a tag manager that keeps nothing but the address.
 */
import { type Options, readOptions } from "./options.ts";
import { ofDocument } from "./page.ts";

/** The service puts the deployment's own agent here, where it has one. */
const OWN_AGENT = "%WIDGET_AGENT%";

/** Those of the first script that names an agent, or the deployment's own agent; null when there is none. */
export function findOptions(): Options | null {
  const address = ownAddress();
  const scripts = [...ofDocument("querySelectorAll")("script")].filter((script) => script instanceof HTMLScriptElement);
  const running = scripts.find((script) => script === ofDocument("currentScript"));
  const found = [
    ...(running ? [running] : []),
    ...scripts.filter(({ src }) => src !== "" && src === address),
    ...scripts.filter(({ src, dataset }) => /\/widget\.js(?:[?#]|$)/.test(src) || dataset["api"] !== undefined),
  ];
  const candidates = [...found.map(({ dataset, src }) => ({ dataset, src })), { dataset: {}, src: address }].filter(
    ({ src }) => src !== "",
  );
  for (const { dataset, src } of candidates) {
    const options = readOptions(dataset, src);
    if (options.agent_id !== "") return options;
  }
  const [first] = candidates;
  return first && /^[\w-]+$/.test(OWN_AGENT) ? readOptions(first.dataset, first.src, OWN_AGENT) : null;
}

/** Where this file was loaded from, as the stack of an error says; also for a module that another one imports. */
function ownAddress(): string {
  const words = String(new Error("where").stack).split(/[\s()]+/);
  // Chrome writes `at name (address:line:column)`, the others `name@address:line:column`.
  const word = words.find((one) => one.includes("://") && /:\d+$/.test(one)) ?? "";
  const address = word.slice(word.lastIndexOf("@", word.indexOf("://")) + 1).replace(/(?::\d{1,9}){1,2}$/, "");
  // Evaluated code has the address of who evaluated it.
  return /^[^?#]+\.js(?:[?#]|$)/.test(address) ? address : "";
}
