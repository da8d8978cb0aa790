/**
 * A button that opens a list of things to do (ARIA, "Menu Button"). The browser's own popover is above everything, closes by
 * Escape and by a press elsewhere, and gives the focus back.
 */
import { MoreHorizontal } from "lucide-react";
import { type KeyboardEvent, type ReactNode, useId, useRef, useState } from "react";

export type MenuItem = { label: string; run: () => void; icon?: ReactNode; isDanger?: boolean } | null | false;

/** Pixels between the button and the menu, and to the edges of the window. */
const GAP = 4;

export function Menu({ label, items, children }: { label: string; items: MenuItem[]; children?: ReactNode }) {
  const id = useId();
  const button = useRef<HTMLButtonElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const [isOpen, setOpen] = useState(false);
  const shown = items.filter((item) => item !== null && item !== false);
  if (shown.length === 0) return null;

  const entries = () => [...(list.current?.querySelectorAll<HTMLElement>("[role=menuitem]") ?? [])];
  const toggled = (state: string) => {
    setOpen(state === "open");
    if (state !== "open" || !button.current || !list.current) return;
    place(button.current, list.current);
    entries()[0]?.focus();
  };
  const press = (event: KeyboardEvent) => {
    const all = entries();
    const at = all.indexOf(document.activeElement as HTMLElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[event.key];
    if (event.key === "Tab") list.current?.hidePopover();
    const typed =
      event.key.length === 1
        ? all.find((one, n) => n !== at && one.textContent?.toLowerCase().startsWith(event.key.toLowerCase()))
        : undefined;
    const target = to === undefined ? typed : all.at(to % all.length);
    if (!target) return;
    event.preventDefault();
    target.focus();
  };
  return (
    <>
      <button
        ref={button}
        type="button"
        className={children ? "button" : "icon-button"}
        aria-label={children ? undefined : label}
        aria-haspopup="menu"
        aria-expanded={isOpen}
        popoverTarget={id}
      >
        {children ?? <MoreHorizontal />}
      </button>
      <div
        ref={list}
        id={id}
        popover="auto"
        role="menu"
        aria-label={label}
        className="menu"
        onToggle={(event) => toggled(event.newState)}
        onKeyDown={press}
      >
        {shown.map(({ label: name, run, icon, isDanger }) => (
          <button
            key={name}
            type="button"
            role="menuitem"
            tabIndex={-1}
            className={isDanger ? "menu-item danger" : "menu-item"}
            onClick={() => {
              list.current?.hidePopover();
              run();
            }}
          >
            {icon}
            {name}
          </button>
        ))}
      </div>
    </>
  );
}

/** Below the button and ending where it ends, or wherever there is room. */
function place(button: HTMLElement, list: HTMLElement): void {
  const at = button.getBoundingClientRect();
  const { width, height } = list.getBoundingClientRect();
  const below = at.bottom + GAP + height < innerHeight ? at.bottom + GAP : Math.max(GAP, at.top - GAP - height);
  const isRightToLeft = getComputedStyle(button).direction === "rtl";
  const start = isRightToLeft ? at.left : at.right - width;
  list.style.top = `${below}px`;
  list.style.left = `${Math.max(GAP, Math.min(start, innerWidth - width - GAP))}px`;
}
