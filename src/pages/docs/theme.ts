/** Light or dark: what the system says, until somebody presses the button; kept in this browser. */

const KEY = "docs-theme";
type Theme = "light" | "dark";

export function setUpTheme(button: HTMLElement): void {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const current = (): Theme => stored() ?? (system.matches ? "dark" : "light");
  const apply = () => {
    document.documentElement.dataset["theme"] = current();
    button.textContent = current() === "dark" ? "Light" : "Dark";
  };
  button.addEventListener("click", () => {
    store(current() === "dark" ? "light" : "dark");
    apply();
  });
  system.addEventListener("change", apply);
  apply();
}

function stored(): Theme | null {
  try {
    const value = localStorage.getItem(KEY);
    return value === "light" || value === "dark" ? value : null;
  } catch {
    return null;
  }
}

function store(theme: Theme): void {
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    document.documentElement.dataset["theme"] = theme;
  }
}
