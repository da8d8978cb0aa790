/** Everything that can be done from here, found by typing a part of its name. */
import { Dialog } from "@base-ui/react/dialog";
import { useId, useState } from "react";
import { isComposing } from "../ui/composing.ts";
import { say } from "../words.ts";
import { type Entry, useEntries } from "./entries.tsx";

/** Entries that are shown at a time. */
const MOST = 50;

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
              if (!isComposing(event) && press(event.key)) event.preventDefault();
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
