/** What the palette can do and where it can go. */
import { ArrowRight, Bot, MessageSquare, Search } from "lucide-react";
import { type ReactNode, useMemo } from "react";
import { useLocation } from "wouter";
import { useAgents } from "../agents/use-agents.ts";
import { useSession } from "../session.tsx";
import { SETTINGS } from "../settings/sections.ts";
import { chooseTheme, THEMES } from "../theme.ts";
import type { Conversation } from "../types.ts";
import { useList } from "../ui/list.ts";
import { say } from "../words.ts";
import { PAGES } from "./pages.tsx";

export type Entry = { key: string; label: string; about: string; icon: ReactNode; run: () => void };

const fold = (text: string) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

/** Pages, settings, themes, agents and the latest conversations whose names have all the words that are typed. */
export function useEntries(typed: string): Entry[] {
  const [, navigate] = useLocation();
  const { can, signOut } = useSession();
  const { agents } = useAgents();
  const recent = useList<Conversation>("/conversation", "conversations", { per_page: 20 });
  return useMemo(() => {
    const go = (to: string) => () => navigate(to);
    const pages: Entry[] = PAGES.filter(({ needs }) => can(needs)).map(({ href, label }) => ({
      key: href,
      label: say(label),
      about: say("goTo"),
      icon: <ArrowRight />,
      run: go(href),
    }));
    const settings: Entry[] = SETTINGS.filter(({ needs }) => can(needs)).map(({ name, label }) => ({
      key: name,
      label: say(label),
      about: say("settings"),
      icon: <ArrowRight />,
      run: go(`/settings/${name}`),
    }));
    const themes: Entry[] = THEMES.map((theme) => ({
      key: `theme ${theme}`,
      label: say("themeIs", {
        theme: say(({ system: "themeSystem", light: "themeLight", dark: "themeDark" } as const)[theme]),
      }),
      about: say("commands"),
      icon: <ArrowRight />,
      run: () => chooseTheme(theme),
    }));
    const named: Entry[] = agents.map(({ id, name }) => ({
      key: id,
      label: name,
      about: say("agent"),
      icon: <Bot />,
      run: go(`/agents/${id}`),
    }));
    const conversations: Entry[] = recent.rows.map(({ id, title }) => ({
      key: id,
      label: title,
      about: say("conversation"),
      icon: <MessageSquare />,
      run: go(`/inbox/${id}`),
    }));
    const leave = { key: "leave", label: say("signOut"), about: say("commands"), icon: <ArrowRight />, run: signOut };
    const all = [...pages, ...settings, ...themes, leave, ...named, ...conversations];
    const words = fold(typed).split(/\s+/).filter(Boolean);
    const found = all.filter(({ label, about }) => words.every((word) => fold(`${label} ${about}`).includes(word)));
    const wanted = typed.trim();
    if (wanted === "") return found;
    const search = go(`/inbox?q=${encodeURIComponent(wanted)}`);
    return [
      ...found,
      {
        key: "search",
        label: say("searchFor", { text: wanted }),
        about: say("messages"),
        icon: <Search />,
        run: search,
      },
    ];
  }, [typed, agents, recent.data]);
}
