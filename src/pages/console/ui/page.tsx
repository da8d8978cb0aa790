/** A page of settings: a heading that is told to screen readers and the title bar, what can be done, and what there is. */
import { type ReactNode, useEffect } from "react";

let title = "Console";
let attention = 0;
const show = () => {
  document.title = `${attention > 0 ? `(${attention}) ` : ""}${title} · Console`;
};

export function useTitle(name: string): void {
  useEffect(() => {
    title = name;
    show();
  }, [name]);
}

/** The number in front of the title, for those who look at another tab. */
export function useTitleCount(count: number): void {
  useEffect(() => {
    attention = count;
    show();
    return () => {
      attention = 0;
      show();
    };
  }, [count]);
}

export function Page({
  title,
  about,
  actions,
  children,
}: {
  title: string;
  about?: string;
  actions?: ReactNode;
  children: ReactNode;
}) {
  useTitle(title);
  return (
    <div className="page">
      <header className="page-head">
        <div>
          <h1>{title}</h1>
          {about && <p className="muted">{about}</p>}
        </div>
        {actions && <div className="actions">{actions}</div>}
      </header>
      {children}
    </div>
  );
}
