/** The form of a budget: for whom, how much of what, in which period, and what then. */
import { useState } from "react";
import { useAgents } from "../agents/use-agents.ts";
import { Refused } from "../api.ts";
import { useSession } from "../session.tsx";
import { useAction } from "../ui/action.ts";
import { errorAt, Field, Select } from "../ui/field.tsx";
import { FormModal } from "../ui/form-modal.tsx";
import { say } from "../words.ts";
import { type Budget, BUDGETS, EXHAUSTED, exhaustedWord, SCOPES, scopeWord } from "./budget.ts";

type Made = { budget: Budget; unpriced_models: string[] };

const EMPTY = {
  ...{ applies_to: "company", agent_id: "", entity_type: "lead", entity_id: "" },
  ...{ period: "month", unit: "tokens", tokens: "", amount: "", currency: "USD", on_exhausted: "refuse" },
};

function bodyOf({
  applies_to,
  agent_id,
  entity_type,
  entity_id,
  unit,
  tokens,
  amount,
  currency,
  ...rest
}: typeof EMPTY) {
  const { period, on_exhausted } = rest;
  const whose =
    applies_to === "agent" ? { agent_id } : applies_to === "entity" ? { entity_type, entity_id: entity_id.trim() } : {};
  const limit = unit === "tokens" ? { tokens: Number(tokens) } : { amount: amount.trim(), currency: currency.trim() };
  return { applies_to, ...whose, period, ...limit, on_exhausted };
}

export function BudgetForm({ onClose, onMade }: { onClose: () => void; onMade: (made: Made) => void }) {
  const { api } = useSession();
  const { agents } = useAgents();
  const [draft, setDraft] = useState(EMPTY);
  const make = useAction({
    run: () => api.send<Made>("POST", BUDGETS, { body: bodyOf(draft) }),
    stale: [BUDGETS],
    done: say("saved"),
    isQuiet: true,
    onDone: onMade,
  });
  const refused = make.error instanceof Refused ? make.error : null;
  /** Unknown is the one that it is for. */
  const unknown = refused?.status === 404 ? say("noSubject") : undefined;
  const input = (name: keyof typeof EMPTY) => ({
    value: draft[name],
    error: errorAt(refused?.errors ?? [], `/${name}`),
    onChange: (event: { target: { value: string } }) => setDraft({ ...draft, [name]: event.target.value }),
  });
  return (
    <FormModal
      title={say("newBudget")}
      onClose={onClose}
      action={make}
      button={say("create")}
      error={unknown ? null : make.error}
    >
      <Select
        label={say("turnsOf")}
        options={SCOPES.map((scope) => [scope, scopeWord(scope)] as const)}
        {...input("applies_to")}
      />
      {draft.applies_to === "agent" && (
        <Select
          label={say("agent")}
          required
          options={[["", "–"], ...agents.map(({ id, name }) => [id, name] as const)]}
          {...input("agent_id")}
          error={unknown ?? input("agent_id").error}
        />
      )}
      {draft.applies_to === "entity" && (
        <>
          <Select
            label={say("whose")}
            options={[
              ["lead", say("visitor")],
              ["user", say("user")],
            ]}
            {...input("entity_type")}
          />
          <Field
            label={say("identifier")}
            required
            spellCheck={false}
            {...input("entity_id")}
            error={unknown ?? input("entity_id").error}
          />
        </>
      )}
      <Select
        label={say("period")}
        options={[
          ["day", say("day")],
          ["month", say("month")],
        ]}
        {...input("period")}
      />
      <Select
        label={say("countedIn")}
        options={[
          ["tokens", say("tokensWord")],
          ["money", say("money")],
        ]}
        {...input("unit")}
      />
      {draft.unit === "tokens" ? (
        <Field label={say("atMost")} type="number" min={1} step={1} required {...input("tokens")} />
      ) : (
        <>
          <Field label={say("atMost")} inputMode="decimal" required {...input("amount")} />
          <Field label={say("currency")} maxLength={3} required spellCheck={false} {...input("currency")} />
        </>
      )}
      <Select
        label={say("whenUsedUp")}
        options={EXHAUSTED.map((what) => [what, exhaustedWord(what)] as const)}
        {...input("on_exhausted")}
      />
    </FormModal>
  );
}
