/** Everything that can be done from here, found by typing a part of its name. */
import { Dialog } from "@base-ui/react/dialog";
import { ArrowRight, Bot, MessageSquare, Search } from "lucide-react";
import { type ReactNode, useId, useMemo, useState } from "react";
import { useLocation } from "wouter";
import { useAgents } from "../agents/use-agents.ts";
import { SETTINGS } from "../settings/sections.ts";
import { useSession } from "../session.tsx";
import { chooseTheme, THEMES } from "../theme.ts";
import type { Conversation } from "../types.ts";
import { useList } from "../ui/list.ts";
import { say } from "../words.ts";
import { PAGES } from "./pages.tsx";

const MOST = 50;

type Entry = { key: string; label: string; about: string; icon: ReactNode; run: () => void };

const fold = (text: string) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

function useEntries(typed: string): Entry[] {
  const [, navigate] = useLocation();
  const { can, signOut } = useSession();
  const { agents } = useAgents();
  const recent = useList<Conversation>("/conversation", "conversations", { per_page: 20 });
  return useMemo(() => {
    const go = (to: string) => () => navigate(to);
    const pages: Entry[] = PAGES.filter(({ needs }) => can(needs)).map(({ href, label }) => ({
      ...{ key: href, label: say(label), about: say("goTo"), icon: <ArrowRight />, run: go(href) },
    }));
    const settings: Entry[] = SETTINGS.filter(({ needs }) => can(needs)).map(({ name, label }) => ({
      ...{ key: name, label: say(label), about: say("settings"), icon: <ArrowRight />, run: go(`/settings/${name}`) },
    }));
    const themes: Entry[] = THEMES.map((theme) => ({
      key: `theme ${theme}`,
      label: say("themeIs", {
        theme: say(({ system: "themeSystem", light: "themeLight", dark: "themeDark" } as const)[theme]),
      }),
      ...{ about: say("commands"), icon: <ArrowRight />, run: () => chooseTheme(theme) },
    }));
    const named: Entry[] = agents.map(({ id, name }) => ({
      ...{ key: id, label: name, about: say("agent"), icon: <Bot />, run: go(`/agents/${id}`) },
    }));
    const conversations: Entry[] = recent.rows.map(({ id, title }) => ({
      ...{ key: id, label: title, about: say("conversation"), icon: <MessageSquare />, run: go(`/inbox/${id}`) },
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
  }, [typed, agents, recent.rows.length]);
}

export function Palette({ onClose }: { onClose: () => void }) {
  const [typed, setTyped] = useState("");
  const [place, setPlace] = useState(0);
  const list = useId();
  const entries = useEntries(typed).slice(0, MOST);
  const at = Math.min(place, entries.length - 1);
  const run = (entry: Entry | undefined) => {
    if (!entry) return;
    onClose();
    entry.run();
  };
  const press = (key: string): boolean => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[key];
    if (step) setPlace((at + step + entries.length) % Math.max(1, entries.length));
    else if (key === "Enter") run(entries[at]);
    else return false;
    return true;
  };
  return (
    <Dialog.Root open onOpenChange={(open) => !open && onClose()}>
      <Dialog.Portal>
        <Dialog.Backdrop className="backdrop" />
        <Dialog.Popup className="modal palette" aria-label={say("commands")}>
          <input
            className="palette-input"
            role="combobox"
            aria-expanded="true"
            aria-controls={list}
            aria-activedescendant={entries.length > 0 ? `${list}-${at}` : undefined}
            aria-label={say("commands")}
            placeholder={say("palettePlaceholder")}
            value={typed}
            onChange={(event) => {
              setTyped(event.target.value);
              setPlace(0);
            }}
            onKeyDown={(event) => {
              if (!event.nativeEvent.isComposing && press(event.key)) event.preventDefault();
            }}
          />
          <ul id={list} role="listbox" aria-label={say("commands")} className="palette-list">
            {entries.map((entry, index) => (
              <li
                key={entry.key}
                id={`${list}-${index}`}
                role="option"
                aria-selected={index === at}
                className="palette-entry"
                ref={(element) => {
                  if (index === at) element?.scrollIntoView({ block: "nearest" });
                }}
                onPointerMove={() => setPlace(index)}
                onClick={() => run(entry)}
              >
                {entry.icon}
                <span className="grow">{entry.label}</span>
                <span className="muted">{entry.about}</span>
              </li>
            ))}
          </ul>
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
