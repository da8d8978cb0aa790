/** Corrects what is known of a visitor. */
import { type FormEvent, useState } from "react";
import { Refused } from "../api.ts";
import { useSession } from "../session.tsx";
import type { Lead } from "../types.ts";
import { useAction } from "../ui/action.ts";
import { Check, errorAt, Field } from "../ui/field.tsx";
import { say } from "../words.ts";
import { Wrong } from "../ui/state.tsx";

const FIELDS = [
  ["first_name", "firstName", 100],
  ["last_name", "lastName", 100],
  ["email", "email", 320],
  ["phone", "phone", 50],
  ["source", "source", 500],
] as const;

export function LeadForm({ lead, onClose }: { lead: Lead; onClose: () => void }) {
  const { api } = useSession();
  const [draft, setDraft] = useState(lead);
  const save = useAction({
    run: () => {
      const { first_name, last_name, email, phone, source, consent_data_processing, consent_marketing } = draft;
      const body = { first_name, last_name, email, phone, source, consent_data_processing, consent_marketing };
      return api.send("PUT", `/lead/${lead.id}`, { body });
    },
    stale: ["/lead", "/lead/company"],
    done: say("saved"),
    isQuiet: true,
    onDone: onClose,
  });
  const errors = save.error instanceof Refused ? save.error.errors : [];
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate();
  };
  return (
    <form className="stack" onSubmit={submit}>
      {FIELDS.map(([name, word, max]) => (
        <Field
          key={name}
          label={say(word)}
          type={name === "email" ? "email" : "text"}
          maxLength={max}
          value={draft[name] ?? ""}
          error={errorAt(errors, `/${name}`)}
          onChange={(event) => setDraft({ ...draft, [name]: event.target.value === "" ? null : event.target.value })}
        />
      ))}
      <Check
        label={say("consentData")}
        checked={draft.consent_data_processing}
        onChange={(event) => setDraft({ ...draft, consent_data_processing: event.target.checked })}
      />
      <Check
        label={say("consentMarketing")}
        checked={draft.consent_marketing}
        onChange={(event) => setDraft({ ...draft, consent_marketing: event.target.checked })}
      />
      <Wrong error={save.error} />
      <div className="actions">
        <button type="button" className="button" onClick={onClose}>
          {say("cancel")}
        </button>
        <button type="submit" className="button primary" disabled={save.isPending}>
          {say("save")}
        </button>
      </div>
    </form>
  );
}
