/** What stands where something will be, where there is nothing, and where it could not be had. */
import type { ReactNode } from "react";
import { say } from "../words.ts";
import { reasonOf } from "./toast.tsx";

export const Loading = ({ rows = 4 }: { rows?: number }) => (
  <div className="loading" role="status" aria-label={say("loading")}>
    {Array.from({ length: rows }, (_, row) => (
      <div key={row} className="skeleton" />
    ))}
  </div>
);

export const Empty = ({ title, children }: { title: string; children?: ReactNode }) => (
  <div className="empty">
    <p className="empty-title">{title}</p>
    {children}
  </div>
);

export const Failed = ({ error, retry }: { error: unknown; retry?: () => unknown }) => (
  <div className="failed" role="alert">
    <p>{reasonOf(error)}</p>
    {retry && (
      <button type="button" className="button" onClick={() => void retry()}>
        {say("tryAgain")}
      </button>
    )}
  </div>
);

/** Why a form was refused, at its end. */
export const Wrong = ({ error }: { error: unknown }) =>
  error ? (
    <p className="wrong" role="alert">
      {reasonOf(error)}
    </p>
  ) : null;
