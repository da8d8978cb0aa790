/** A dialog in front of the page, and one that asks before something is done. */
import { Dialog } from "@base-ui/react/dialog";
import { X } from "lucide-react";
import { type ReactNode, useState } from "react";
import { say } from "../words.ts";
import { reasonOf } from "./toast.tsx";

type ModalProps = { title: string; onClose: () => void; children: ReactNode; className?: string };

export function Modal({ title, onClose, children, className = "" }: ModalProps) {
  return (
    <Dialog.Root open onOpenChange={(open) => !open && onClose()}>
      <Dialog.Portal>
        <Dialog.Backdrop className="backdrop" />
        <Dialog.Popup className={`modal ${className}`}>
          <header className="modal-head">
            <Dialog.Title className="modal-title">{title}</Dialog.Title>
            <Dialog.Close className="icon-button" aria-label={say("close")}>
              <X />
            </Dialog.Close>
          </header>
          {children}
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}

type ConfirmProps = {
  title: string;
  text: ReactNode;
  action: string;
  /** What has to be typed first, for what cannot be undone. */
  phrase?: string;
  onClose: () => void;
  /** Once it is done; it closes if this is left out. */
  onDone?: () => void;
  run: () => Promise<unknown>;
};

/** Stays open while it is done, and when that fails. */
export function Confirm({ title, text, action, phrase, onClose, onDone = onClose, run }: ConfirmProps) {
  const [isBusy, setBusy] = useState(false);
  const [typed, setTyped] = useState("");
  const [problem, setProblem] = useState<string | null>(null);
  const submit = async () => {
    setBusy(true);
    setProblem(null);
    try {
      await run();
      onDone();
    } catch (error) {
      setProblem(reasonOf(error));
      setBusy(false);
    }
  };
  return (
    <Modal title={title} onClose={onClose} className="narrow">
      <form action={() => void submit()} className="stack" aria-busy={isBusy}>
        <Dialog.Description render={<div />} className="muted">
          {text}
        </Dialog.Description>
        {phrase !== undefined && (
          <label className="field">
            <span>{say("typeToConfirm", { phrase })}</span>
            <input
              value={typed}
              onChange={(event) => setTyped(event.target.value)}
              autoComplete="off"
              spellCheck={false}
            />
          </label>
        )}
        {problem && (
          <p className="wrong" role="alert">
            {problem}
          </p>
        )}
        <div className="actions">
          <button type="button" className="button" onClick={onClose}>
            {say("cancel")}
          </button>
          <button
            type="submit"
            className="button danger"
            disabled={isBusy || (phrase !== undefined && typed.trim() !== phrase)}
          >
            {action}
          </button>
        </div>
      </form>
    </Modal>
  );
}
