/** The company's own settings. */
import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { Refused } from "../api.ts";
import { useSession } from "../session.tsx";
import { useAction } from "../ui/action.ts";
import { errorAt, Field } from "../ui/field.tsx";
import { Page } from "../ui/page.tsx";
import { Failed, Loading, Wrong } from "../ui/state.tsx";
import { say } from "../words.ts";

const DAYS = ["conversations_days", "deleted_days", "leads_days"] as const;
const DAYS_WORD = {
  conversations_days: "keepConversations",
  deleted_days: "keepDeleted",
  leads_days: "keepLeads",
} as const;

type Settings = {
  id: string;
  name: string;
  time_zone: string;
  retention: Record<(typeof DAYS)[number], number | null>;
};

export function Company() {
  const { api } = useSession();
  const { data, error, refetch } = useQuery({
    queryKey: ["/company"],
    refetchOnWindowFocus: false,
    queryFn: async ({ signal }) => (await api.get<{ company: Settings }>("/company", {}, signal)).company,
  });
  return (
    <Page title={say("company")} about={data?.id}>
      {data ? <Form company={data} /> : error ? <Failed error={error} retry={refetch} /> : <Loading />}
    </Page>
  );
}

function Form({ company }: { company: Settings }) {
  const { api } = useSession();
  const [stored, setStored] = useState(company);
  const [draft, setDraft] = useState(stored);
  const save = useAction({
    run: () => {
      const { name, time_zone, retention } = draft;
      return api.send<{ company: Settings }>("PATCH", "/company", { body: { name, time_zone, retention } });
    },
    stale: ["/company"],
    done: say("saved"),
    isQuiet: true,
    onDone: (answer) => {
      setStored(answer.company);
      setDraft(answer.company);
    },
  });
  const errors = save.error instanceof Refused ? save.error.errors : [];
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate();
  };
  return (
    <form className="card panel" onSubmit={submit}>
      <fieldset disabled={save.isPending}>
        <div className="columns">
          <Field
            label={say("name")}
            required
            maxLength={200}
            value={draft.name}
            error={errorAt(errors, "/name")}
            onChange={(event) => setDraft({ ...draft, name: event.target.value })}
          />
          <Field
            label={say("timeZone")}
            required
            list="zones"
            value={draft.time_zone}
            error={errorAt(errors, "/time_zone")}
            onChange={(event) => setDraft({ ...draft, time_zone: event.target.value })}
          />
          <datalist id="zones">
            {Intl.supportedValuesOf("timeZone").map((zone) => (
              <option key={zone} value={zone} />
            ))}
          </datalist>
        </div>
        <fieldset>
          <legend>{say("retention")}</legend>
          <p className="hint">{say("retentionHint")}</p>
          <div className="columns">
            {DAYS.map((name) => (
              <Field
                key={name}
                label={say(DAYS_WORD[name])}
                type="number"
                min={1}
                max={36_500}
                placeholder={say("forEver")}
                value={draft.retention[name] ?? ""}
                error={errorAt(errors, `/retention/${name}`)}
                onChange={(event) =>
                  setDraft({
                    ...draft,
                    retention: {
                      ...draft.retention,
                      [name]: event.target.value === "" ? null : Number(event.target.value),
                    },
                  })
                }
              />
            ))}
          </div>
        </fieldset>
        <Wrong error={save.error} />
        <div className="actions">
          <button type="submit" className="button primary" disabled={draft === stored}>
            {say("save")}
          </button>
        </div>
      </fieldset>
    </form>
  );
}
