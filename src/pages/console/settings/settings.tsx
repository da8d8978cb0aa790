/** The settings: sections on one side, the one that is open on the other. */
import { Link, Redirect, Route, Switch } from "wouter";
import { useLocation } from "wouter";
import { type ComponentType, useEffect, useRef } from "react";
import { useSession } from "../session.tsx";
import { say } from "../words.ts";
import { Audit } from "./audit.tsx";
import { Budgets } from "./budgets.tsx";
import { Company } from "./company.tsx";
import { Deleted } from "./deleted.tsx";
import { Erasures } from "./erasures.tsx";
import { Issuers } from "./issuers.tsx";
import { Keys } from "./keys.tsx";
import { Providers } from "./providers.tsx";
import { SETTINGS } from "./sections.ts";
import { Users } from "./users.tsx";
import { Webhooks } from "./webhooks.tsx";

const PAGES: Record<string, ComponentType> = {
  deleted: Deleted,
  keys: Keys,
  providers: Providers,
  budgets: Budgets,
  issuers: Issuers,
  webhooks: Webhooks,
  users: Users,
  audit: Audit,
  erasures: Erasures,
  company: Company,
};

export function SettingsPages() {
  const { can } = useSession();
  const [location] = useLocation();
  const sections = SETTINGS.filter(({ needs }) => can(needs));
  const open = location.split("/")[2];
  const list = useRef<HTMLElement>(null);

  // On a telephone the sections are a row that is wider than the screen. What a browser answers is no clean-up.
  useEffect(() => {
    list.current?.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
  }, [open]);

  return (
    <div className="sections">
      <nav ref={list} className="section-list" aria-label={say("settings")}>
        {sections.map(({ name, label }) => (
          <Link
            key={name}
            href={`/settings/${name}`}
            className="section-link"
            aria-current={name === open ? "page" : undefined}
          >
            {say(label)}
          </Link>
        ))}
      </nav>
      <Switch>
        {sections.map(({ name }) => {
          const Section = PAGES[name];
          return (
            Section && (
              <Route key={name} path={`/settings/${name}/:id?`}>
                <Section />
              </Route>
            )
          );
        })}
        <Route>
          <Redirect to={`/settings/${sections.at(1)?.name ?? "deleted"}`} replace />
        </Route>
      </Switch>
    </div>
  );
}
