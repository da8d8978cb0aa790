/** Markdown of a reply, by the same renderer as in the chat window: elements from a fixed list, and never HTML. */
import { useLayoutEffect, useRef } from "react";
import { MarkdownView } from "../widget/markdown.ts";

/** A text that grows keeps what is drawn of it already. */
export function Markdown({ text }: { text: string }) {
  const place = useRef<HTMLDivElement>(null);
  const view = useRef<MarkdownView>(null);
  useLayoutEffect(() => {
    view.current ??= new MarkdownView();
    view.current.update(text);
    if (view.current.element.parentNode !== place.current) place.current?.replaceChildren(view.current.element);
  }, [text]);
  return <div ref={place} />;
}
