/** Names for fields that Swagger UI leaves without one, and the keyboard for texts that scroll. */

const NAMES: [selector: string, name: string][] = [
  ["#servers", "Server"],
  ["select.content-type", "Media type"],
  [".response-control-media-type select", "Media type"],
  [".examples-select select", "Example"],
  ["textarea", "Request body"],
  [".parameters select, .parameters input", "Value of the parameter"],
  ["select", "Choice"],
];

export function nameFields(place: HTMLElement): void {
  const nameAll = () => {
    for (const [selector, name] of NAMES)
      for (const field of place.querySelectorAll<HTMLElement>(selector)) field.ariaLabel ??= nameOf(field) ?? name;
    for (const text of place.querySelectorAll<HTMLElement>(".microlight, .highlight-code pre")) text.tabIndex = 0;
  };
  new MutationObserver(nameAll).observe(place, { childList: true, subtree: true });
  nameAll();
}

/** Of a parameter's field, the parameter's name. */
const nameOf = (field: HTMLElement) => field.closest("tr")?.querySelector(".parameter__name")?.firstChild?.textContent;
