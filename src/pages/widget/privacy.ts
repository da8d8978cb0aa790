/**
 * What happens in the chat is no business of the page: its shortcuts would take what is typed, its dialogs the focus, its
 * scrolling the wheel. Events are stopped on their way in, at the window, where the page's listeners come later.
 */

/** Nothing in the chat listens to these either. */
const STOPPED = [
  ...["keyup", "keypress", "beforeinput", "compositionstart", "compositionupdate", "compositionend"],
  ...["copy", "cut", "paste", "selectstart", "contextmenu", "wheel", "touchstart", "touchmove", "touchend"],
  ...["pointerdown", "pointerup", "pointercancel", "touchcancel", "mousedown", "mouseup", "dblclick", "auxclick"],
  ...["dragstart", "dragenter", "dragover", "dragleave", "drop", "dragend"],
  ...["focus", "blur", "focusin", "focusout"],
];
/** The chat listens to these in its shadow root, and they end there. */
const KEPT = ["click", "input", "change"];

/** `onKey` gets what would have been the keydown events within `element`. Tab goes on to the page as well. */
export function keepToItself(element: HTMLElement, root: HTMLElement, onKey: (event: KeyboardEvent) => void): void {
  const isInside = (event: Event) => event.composedPath().includes(element);
  const stop = (event: Event) => {
    // A dialog of the page that hears where the focus went would fetch it back.
    const isLeft = event.type === "focusout" && (event as FocusEvent).relatedTarget === element;
    if (isInside(event) || isLeft) event.stopImmediatePropagation();
  };
  // A dialog of the page may swallow every click outside of it: a button gets its own.
  const press = (event: MouseEvent) => {
    const button = isInside(event) && event.composedPath().find((one) => one instanceof HTMLButtonElement);
    if (!button) return;
    event.stopImmediatePropagation();
    event.preventDefault();
    button.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true, detail: event.detail }));
  };
  addEventListener("click", press, { capture: true });
  for (const name of STOPPED) addEventListener(name, stop, { capture: true, passive: true });
  for (const name of KEPT) root.addEventListener(name, (event) => event.stopPropagation());
  addEventListener(
    "keydown",
    (event) => {
      if (!isInside(event)) return;
      if (event.key !== "Tab") event.stopImmediatePropagation();
      onKey(event);
    },
    { capture: true },
  );
}
