/** Views that somebody saved in this browser: filters only, and nothing that anybody wrote. */
import { useState } from "react";
import { browserStore } from "../storage.ts";
import { filterOf, searchOf } from "./filter.ts";

const NAME = "views";
const MOST = 12;

function read(): string[] {
  const stored: unknown = browserStore.read(NAME);
  return Array.isArray(stored) ? stored.map(String).slice(0, MOST) : [];
}

/** Query strings of filters, each once. */
export function useViews() {
  const [views, setViews] = useState(read);
  const put = (next: string[]) => {
    browserStore.write(NAME, next);
    setViews(next);
  };
  // Read as a filter first: what is no filter is not kept.
  const clean = (search: string) => searchOf(filterOf(new URLSearchParams(search)));
  return {
    views,
    has: (search: string) => views.includes(clean(search)),
    toggle: (search: string) => {
      const view = clean(search);
      put(views.includes(view) ? views.filter((other) => other !== view) : [...views, view].slice(-MOST));
    },
  };
}
