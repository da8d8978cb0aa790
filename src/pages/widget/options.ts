/**
 * What a page says about the widget: `data-*` attributes of the script element, or the same names in the query of its
 * address, where an attribute would not survive. What makes no sense is left out.
 */
import { ofDocument } from "./page.ts";

export type Options = {
  /** Origin of the API, without a trailing slash. */
  api: string;
  agent_id: string;
  /** Accent as #rrggbb. */
  color: string;
  theme: "light" | "dark" | "auto";
  position: "start" | "end";
  lang: string;
  title: string;
  greeting: string;
  open: boolean;
  /** Link beside the consent in the lead form; without one no consent is asked for. */
  privacy_url: string;
  /** Told to the company as the place where the visitor came from. */
  source: string;
};

const DEFAULT_COLOR = "#4338ca";

/** The options of a script with these attributes that was loaded from `src`; its agent is `agent_id` where it names none. */
export function readOptions(dataset: DOMStringMap, src: string, agent_id = ""): Options {
  const { origin, searchParams } = new URL(src, location.href);
  const data: DOMStringMap = Object.create(null);
  for (const [name, value] of searchParams) data[camelCase(name)] = value;
  data["agentId"] ??= data["agent"];
  Object.assign(data, dataset);
  const one = <T extends string>(value: string | undefined, allowed: readonly T[], otherwise: T) =>
    allowed.find((option) => option === value) ?? otherwise;
  return {
    api: (data["api"] ?? origin).replace(/(?<!\/)\/+$/, ""),
    agent_id: data["agentId"] || agent_id,
    color: hexColor(data["color"] ?? "") ?? DEFAULT_COLOR,
    theme: one(data["theme"], ["light", "dark", "auto"], "auto"),
    position: one(data["position"], ["start", "end"], "end"),
    lang: data["lang"] || ofDocument("documentElement").lang || navigator.language,
    title: data["title"] ?? "",
    greeting: data["greeting"] ?? "",
    open: data["open"] === "true",
    privacy_url: webUrl(data["privacyUrl"] ?? ""),
    source: (data["source"] ?? location.origin + location.pathname).slice(0, 500),
  };
}

/** `#rgb` or `#rrggbb` as the latter; null for anything else. */
function hexColor(value: string): string | null {
  const hex = /^#([0-9a-f]{3}|[0-9a-f]{6})$/i.exec(value.trim())?.[1];
  if (!hex) return null;
  return `#${hex.length === 3 ? hex.replace(/./g, "$&$&") : hex}`.toLowerCase();
}

const camelCase = (name: string): string =>
  name.toLowerCase().replace(/[-_]([a-z])/g, (_, letter: string) => letter.toUpperCase());

function webUrl(value: string): string {
  try {
    const url = new URL(value, location.href);
    return value !== "" && /^https?:$/.test(url.protocol) ? url.href : "";
  } catch {
    return "";
  }
}
