/** Which pages there are, what each needs, and where its code is. */
import { BarChart3, Bot, Contact, Inbox as InboxIcon, type LucideIcon, Settings } from "lucide-react";
import { type ComponentType, lazy } from "react";
import { Inbox } from "../inbox/inbox.tsx";
import type { Scope } from "../types.ts";
import type { Word } from "../words.ts";

export type PageEntry = {
  /** As the router matches it, and where its link leads. */
  path: string;
  href: string;
  label: Word;
  needs: Scope;
  icon: LucideIcon;
  page: ComponentType;
};

const Leads = lazy(async () => ({ default: (await import("../people/leads.tsx")).Leads }));
const Agents = lazy(async () => ({ default: (await import("../agents/agents.tsx")).Agents }));
const Figures = lazy(async () => ({ default: (await import("../figures/figures.tsx")).Figures }));
const SettingsPages = lazy(async () => ({ default: (await import("../settings/settings.tsx")).SettingsPages }));

export const PAGES: PageEntry[] = [
  { path: "/inbox/:id?", href: "/inbox", label: "inbox", needs: "read", icon: InboxIcon, page: Inbox },
  { path: "/leads/:id?", href: "/leads", label: "leads", needs: "read", icon: Contact, page: Leads },
  { path: "/agents/:id?", href: "/agents", label: "agents", needs: "read", icon: Bot, page: Agents },
  { path: "/figures", href: "/figures", label: "figures", needs: "read", icon: BarChart3, page: Figures },
  { path: "/settings/*?", href: "/settings", label: "settings", needs: "read", icon: Settings, page: SettingsPages },
];
