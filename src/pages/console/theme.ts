/** Light, dark, or as the system has it. */
import { browserStore } from "./storage.ts";

const NAME = "theme";

export const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

export const chosenTheme = (): Theme => THEMES.find((theme) => theme === browserStore.read(NAME)) ?? "system";

export function applyTheme(theme: Theme = chosenTheme()): void {
  if (theme === "system") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = theme;
}

export function chooseTheme(theme: Theme): void {
  browserStore.write(NAME, theme);
  applyTheme(theme);
}
