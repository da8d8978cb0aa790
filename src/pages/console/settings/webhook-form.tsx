/** The form of a webhook. */
import { useState } from "react";
import { Refused } from "../api.ts";
import { useSession } from "../session.tsx";
import { useAction } from "../ui/action.ts";
import { Check, errorAt, Field, Select } from "../ui/field.tsx";
import { FormModal } from "../ui/form-modal.tsx";
import { say } from "../words.ts";
import { type Webhook, WEBHOOKS } from "./webhook.ts";

const TYPES = [
  ...["conversation.created", "conversation.updated", "conversation.deleted", "conversation.restored"],
  ...["message.created", "message.deleted", "message.restored", "message.rated"],
  ...["turn.completed", "turn.failed", "turn.stopped", "handling.changed"],
  ...["lead.created", "lead.erased", "erasure.done", "budget.warning"],
];

type FormProps = { hook: Webhook | null; onClose: () => void; onMade: (secret: string) => void };

export function WebhookForm({ hook, onClose, onMade }: FormProps) {
  const { api } = useSession();
  const [url, setUrl] = useState(hook?.url ?? "");
  const [description, setDescription] = useState(hook?.description ?? "");
  const [payload, setPayload] = useState(hook?.payload ?? "thin");
  const [events, setEvents] = useState<string[] | null>(hook?.events ?? null);
  const save = useAction({
    run: () => {
      const body = { url, description, payload, events };
      return hook
        ? api.send<{ secret?: string }>("PUT", `${WEBHOOKS}/${hook.id}`, { body })
        : api.send<{ secret?: string }>("POST", WEBHOOKS, { body });
    },
    stale: [WEBHOOKS],
    done: say("saved"),
    isQuiet: true,
    onDone: ({ secret }) => (secret ? onMade(secret) : onClose()),
  });
  const errors = save.error instanceof Refused ? save.error.errors : [];
  const toggle = (type: string, isOn: boolean) =>
    setEvents(isOn ? [...(events ?? []), type] : (events ?? []).filter((one) => one !== type));
  return (
    <FormModal
      title={say(hook ? "editWebhook" : "newWebhook")}
      onClose={onClose}
      action={save}
      button={say("save")}
      isIncomplete={events?.length === 0}
      className=""
    >
      <Field
        label={say("address")}
        type="url"
        required
        maxLength={2000}
        value={url}
        error={errorAt(errors, "/url")}
        onChange={(event) => setUrl(event.target.value)}
      />
      <Field
        label={say("description")}
        maxLength={500}
        value={description}
        error={errorAt(errors, "/description")}
        onChange={(event) => setDescription(event.target.value)}
      />
      <Select
        label={say("payload")}
        value={payload}
        options={[
          ["thin", say("payloadThin")],
          ["full", say("payloadFull")],
        ]}
        onChange={(event) => setPayload(event.target.value as Webhook["payload"])}
      />
      <fieldset>
        <legend>{say("events")}</legend>
        <Check
          label={say("allEvents")}
          checked={events === null}
          onChange={(event) => setEvents(event.target.checked ? null : [])}
        />
        {events !== null && (
          <div className="columns">
            {TYPES.map((type) => (
              <Check
                key={type}
                label={type}
                checked={events.includes(type)}
                onChange={(event) => toggle(type, event.target.checked)}
              />
            ))}
          </div>
        )}
      </fieldset>
    </FormModal>
  );
}
