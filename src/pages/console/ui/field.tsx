/** A labelled control of a form, with what the service said is wrong with it. */
import {
  type InputHTMLAttributes,
  type ReactNode,
  type SelectHTMLAttributes,
  type TextareaHTMLAttributes,
  useId,
} from "react";
import type { FieldError } from "../api.ts";

type Wrap = { label: string; hint?: ReactNode; error?: string | undefined };

/** What is wrong with a member, by its JSON Pointer; members within it count. */
export const errorAt = (errors: FieldError[], path: string): string | undefined =>
  errors.find((error) => error.path === path || error.path.startsWith(`${path}/`))?.message;

function Frame({ id, label, hint, error, children }: Wrap & { id: string; children: ReactNode }) {
  return (
    <div className="field" data-invalid={error ? "" : undefined}>
      <label htmlFor={id}>{label}</label>
      {children}
      {hint && (
        <p className="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      {error && (
        <p className="wrong" id={`${id}-error`}>
          {error}
        </p>
      )}
    </div>
  );
}

function useParts({ hint, error }: Wrap) {
  const id = useId();
  const parts = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(" ");
  return { id, "aria-describedby": parts === "" ? undefined : parts, "aria-invalid": error ? true : undefined };
}

export function Field({ label, hint, error, ...input }: Wrap & InputHTMLAttributes<HTMLInputElement>) {
  const parts = useParts({ label, hint, error });
  return (
    <Frame {...{ id: parts.id, label, hint, error }}>
      <input {...parts} {...input} />
    </Frame>
  );
}

export function TextArea({ label, hint, error, ...input }: Wrap & TextareaHTMLAttributes<HTMLTextAreaElement>) {
  const parts = useParts({ label, hint, error });
  return (
    <Frame {...{ id: parts.id, label, hint, error }}>
      <textarea {...parts} {...input} />
    </Frame>
  );
}

type Options = { options: readonly (readonly [value: string, label: string])[] };

export function Select({
  label,
  hint,
  error,
  options,
  ...input
}: Wrap & Options & SelectHTMLAttributes<HTMLSelectElement>) {
  const parts = useParts({ label, hint, error });
  return (
    <Frame {...{ id: parts.id, label, hint, error }}>
      <select {...parts} {...input}>
        {options.map(([value, text]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
    </Frame>
  );
}

export const Check = ({ label, ...input }: { label: string } & InputHTMLAttributes<HTMLInputElement>) => (
  <label className="check">
    <input type="checkbox" {...input} />
    <span>{label}</span>
  </label>
);
