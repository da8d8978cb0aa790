/** The frame around every page: where one can go, who one is, and the page itself. */
import { Command, LogOut, Monitor, Moon, Sun } from "lucide-react";
import { Suspense, useEffect, useRef, useState } from "react";
import { Link, Redirect, Route, Switch, useLocation } from "wouter";
import { useAttention } from "../inbox/use-inbox.ts";
import { useSession } from "../session.tsx";
import { chooseTheme, chosenTheme, type Theme, THEMES } from "../theme.ts";
import { useTitleCount } from "../ui/page.tsx";
import { OpenReceipt } from "../ui/receipt.tsx";
import { Empty, Loading } from "../ui/state.tsx";
import { say } from "../words.ts";
import { LanguageChooser } from "./language.tsx";
import { PAGES } from "./pages.tsx";
import { Palette } from "./palette.tsx";
import { useShortcuts } from "./shortcuts.ts";

const THEME_ICON = { system: Monitor, light: Sun, dark: Moon };
const THEME_WORD = { system: "themeSystem", light: "themeLight", dark: "themeDark" } as const;

export function Shell() {
  const { can } = useSession();
  const [isPaletteOpen, setPaletteOpen] = useState(false);
  const [location] = useLocation();
  const main = useRef<HTMLElement>(null);
  useShortcuts(() => setPaletteOpen(true));
  const attention = useAttention();
  useTitleCount(attention);
  const pages = PAGES.filter(({ needs }) => can(needs));
  const section = location.split("/")[1];

  // A new page begins where screen readers and the keyboard expect it.
  const first = useRef(true);
  useEffect(() => {
    if (!first.current) main.current?.focus({ preventScroll: true });
    first.current = false;
  }, [section]);

  return (
    <div className="shell">
      <a className="skip" href="#main">
        {say("skip")}
      </a>
      <nav className="rail" aria-label={say("sections")}>
        <div className="rail-pages">
          {pages.map(({ href, label, icon: Icon }) => (
            <Link
              key={href}
              href={href}
              className="rail-link"
              aria-current={location === href || location.startsWith(`${href}/`) ? "page" : undefined}
            >
              <Icon aria-hidden="true" />
              <span>{say(label)}</span>
              {label === "inbox" && attention > 0 && (
                <span className="badge rail-badge">
                  <span aria-hidden="true">{attention}</span>
                  <span className="unseen">{say("needYou", { n: attention })}</span>
                </span>
              )}
            </Link>
          ))}
        </div>
        <div className="rail-tools">
          <button
            type="button"
            className="rail-link"
            onClick={() => setPaletteOpen(true)}
            aria-keyshortcuts="Control+K Meta+K"
          >
            <Command aria-hidden="true" />
            <span>{say("commands")}</span>
          </button>
          <Tools />
        </div>
      </nav>
      <main id="main" ref={main} tabIndex={-1} className="main">
        <Suspense fallback={<Loading rows={6} />}>
          <Switch>
            {pages.map(({ path, page: Page }) => (
              <Route key={path} path={path}>
                <Page />
              </Route>
            ))}
            <Route path="/">
              <Redirect to="/inbox" replace />
            </Route>
            <Route>
              <Empty title={say("noPage")}>
                <Link href="/inbox" className="button">
                  {say("inbox")}
                </Link>
              </Empty>
            </Route>
          </Switch>
        </Suspense>
      </main>
      <OpenReceipt />
      {isPaletteOpen && <Palette onClose={() => setPaletteOpen(false)} />}
    </div>
  );
}

function Tools() {
  const { signOut } = useSession();
  const [theme, setTheme] = useState<Theme>(chosenTheme);
  const Icon = THEME_ICON[theme];
  const next = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? "system";
  return (
    <>
      <button
        type="button"
        className="rail-link"
        aria-label={say("themeIs", { theme: say(THEME_WORD[theme]) })}
        onClick={() => {
          chooseTheme(next);
          setTheme(next);
        }}
      >
        <Icon aria-hidden="true" />
        <span>{say(THEME_WORD[theme])}</span>
      </button>
      <button type="button" className="rail-link" onClick={() => signOut()}>
        <LogOut aria-hidden="true" />
        <span>{say("signOut")}</span>
      </button>
      <LanguageChooser />
    </>
  );
}
