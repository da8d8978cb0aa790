/** A dialog with a form. Why it was refused, and its one button, are at its end. */
import type { FormEvent, ReactNode } from "react";
import { Modal } from "./modal.tsx";
import { Wrong } from "./state.tsx";

type FormModalProps = {
  title: string;
  onClose: () => void;
  /** What sending it does. */
  action: { mutate: () => void; isPending: boolean; error: Error | null };
  /** What its button says. */
  button: string;
  /** Something is missing that the fields themselves do not require. */
  isIncomplete?: boolean;
  /** Why it was refused, where no field says that already. */
  error?: unknown;
  className?: string;
  children: ReactNode;
};

export function FormModal({ title, onClose, action, button, isIncomplete = false, ...props }: FormModalProps) {
  const { error = action.error, className = "narrow", children } = props;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    action.mutate();
  };
  return (
    <Modal title={title} onClose={onClose} className={className}>
      <form className="stack" onSubmit={submit}>
        {children}
        <Wrong error={error} />
        <div className="actions">
          <button type="submit" className="button primary" disabled={action.isPending || isIncomplete}>
            {button}
          </button>
        </div>
      </form>
    </Modal>
  );
}
