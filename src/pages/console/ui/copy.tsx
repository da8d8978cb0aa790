/** A text to take along. */
import { Check, Copy as CopyIcon } from "lucide-react";
import { useState } from "react";
import { say } from "../words.ts";
import { complain } from "./toast.tsx";

export function Copy({ text, label }: { text: string; label: string }) {
  const [isCopied, setCopied] = useState(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setCopied(true);
      setTimeout(() => setCopied(false), 2_000);
    } catch (error) {
      complain(error);
    }
  };
  return (
    <button
      type="button"
      className="icon-button"
      aria-label={isCopied ? say("copied") : say("copyOf", { label })}
      onClick={() => void copy()}
    >
      {isCopied ? <Check /> : <CopyIcon />}
    </button>
  );
}

export const CopyLine = ({ label, text }: { label: string; text: string }) => (
  <div className="secret">
    <span className="muted">{label}</span>
    <div className="row">
      <code>{text}</code>
      <Copy text={text} label={label} />
    </div>
  </div>
);
