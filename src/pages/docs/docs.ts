/** The documentation page: /openapi.json, made readable, searchable and linkable. Nothing else is loaded. */
import { type Document, type Route, routesOf } from "./document.ts";
import { h, prose } from "./element.ts";
import { operationSection } from "./operation.ts";
import { members, schemaId } from "./schema.ts";
import { setUpTheme } from "./theme.ts";

const byId = (id: string): HTMLElement => {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page has no #${id}`);
  return element;
};

/** Whatever can be searched: a section, its entry in the navigation, and the words it is found by. */
type Entry = { section: HTMLElement; link: HTMLElement; words: string };

async function show(): Promise<void> {
  const status = byId("status");
  try {
    const response = await fetch("/openapi.json");
    if (!response.ok) throw new Error(`status ${response.status}`);
    const groups = build((await response.json()) as Document);
    status.remove();
    setUpSearch(groups);
    openTarget();
    addEventListener("hashchange", openTarget);
  } catch (error) {
    status.textContent = `The document could not be loaded (${error instanceof Error ? error.message : String(error)}). Reload to try again.`;
  }
}

type Group = { heading: HTMLElement; list: HTMLElement; entries: Entry[] };

function build(api: Document): Group[] {
  const content = byId("content");
  const { title, version, description = "" } = api.info;
  content.append(
    h("h1", {}, title),
    h(
      "p.lead",
      {},
      `Version ${version} · `,
      h("a", { href: "/openapi.json" }, "openapi.json"),
      " · ",
      h("a", { href: "/errors" }, "problems"),
    ),
    ...prose(description),
  );
  const routes = routesOf(api);
  const groups = (api.tags ?? []).map((tag) => {
    const own = routes.filter(({ operation }) => operation.tags?.includes(tag.name));
    return group(
      tag.name,
      tag.description ?? "",
      own.map((route) => operationEntry(api, route)),
    );
  });
  const schemas = Object.entries(api.components.schemas ?? {}).toSorted(([a], [b]) => a.localeCompare(b));
  groups.push(
    group(
      "Schemas",
      "What bodies and answers are made of.",
      schemas.map(([name]) => schemaEntry(api, name)),
    ),
  );
  return groups;
}

function group(name: string, about: string, entries: Entry[]): Group {
  const id = `group-${name.toLowerCase().replaceAll(/\W+/g, "-")}`;
  const heading = h("section.group", { id, "aria-label": name }, h("h2", {}, name), h("p", {}, about));
  heading.append(...entries.map((entry) => entry.section));
  byId("content").append(heading);
  const list = h(
    "div.list",
    {},
    h("a.title", { href: `#${id}` }, name),
    h("ul", {}, ...entries.map(({ link }) => link)),
  );
  byId("navigation").append(list);
  return { heading, list, entries };
}

function operationEntry(api: Document, route: Route): Entry {
  const { method, path, operation } = route;
  const badge = h(`span.method.${method}`, {}, method === "delete" ? "DEL" : method.toUpperCase());
  const link = h(
    "li",
    {},
    h("a", { href: `#${operation.operationId}`, title: operation.summary ?? "" }, badge, breakable(path)),
  );
  const words = [
    method,
    path,
    operation.summary,
    operation.description,
    operation.operationId,
    ...(operation.tags ?? []),
  ];
  return { section: operationSection(api, route), link, words: words.join(" ").toLowerCase() };
}

/** A path that may be broken before its slashes. */
const breakable = (path: string) => h("span", {}, ...path.split(/(?=\/)/).flatMap((part) => [h("wbr"), part]));

function schemaEntry(api: Document, name: string): Entry {
  const schema = api.components.schemas?.[name] ?? {};
  const section = h(
    "details.operation",
    { id: schemaId(name) },
    h("summary", {}, h("code.path", {}, name), h("span.summary", {}, schema.description ?? "")),
  );
  section.addEventListener("toggle", () => section.append(h("div.body", {}, members(api, schema, "request"))), {
    once: true,
  });
  const link = h("li", {}, h("a", { href: `#${schemaId(name)}` }, name));
  const words = [name, schema.description, ...Object.keys(schema.properties ?? {})];
  return { section, link, words: words.join(" ").toLowerCase() };
}

/** Every word must be found; groups with nothing left disappear. `/` goes to the field, Escape empties it. */
function setUpSearch(groups: Group[]): void {
  const field = byId("search") as HTMLInputElement;
  const nothing = h("p", { role: "status", hidden: true }, "Nothing found.");
  byId("content").append(nothing);
  const filter = () => {
    const wanted = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    let found = 0;
    for (const { heading, list, entries } of groups) {
      const shown = entries.filter(({ words }) => wanted.every((word) => words.includes(word)));
      for (const entry of entries) entry.section.hidden = entry.link.hidden = !shown.includes(entry);
      heading.hidden = list.hidden = shown.length === 0;
      found += shown.length;
    }
    nothing.hidden = found > 0;
  };
  field.addEventListener("input", filter);
  addEventListener("keydown", (event) => {
    if (event.key === "/" && document.activeElement !== field && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      field.focus();
    } else if (event.key === "Escape" && document.activeElement === field) {
      field.value = "";
      filter();
    }
  });
}

/** Opens what the address names, so that every operation and schema can be linked to. */
function openTarget(): void {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!(target instanceof HTMLDetailsElement)) return;
  target.open = true;
  requestAnimationFrame(() => target.scrollIntoView({ block: "start" }));
}

setUpTheme(byId("theme"));
await show();
