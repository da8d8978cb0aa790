/** Budgets: how much may be used in a day or a month, how much of it is, and when it begins anew. */
import { Plus } from "lucide-react";
import { useState } from "react";
import { Link } from "wouter";
import { useAgents } from "../agents/use-agents.ts";
import { useSession } from "../session.tsx";
import { useAction } from "../ui/action.ts";
import { useList } from "../ui/list.ts";
import { Menu } from "../ui/menu.tsx";
import { Confirm, Modal } from "../ui/modal.tsx";
import { Page } from "../ui/page.tsx";
import { Table } from "../ui/table.tsx";
import { Time } from "../ui/time.tsx";
import { say } from "../words.ts";
import { type Budget, BUDGETS, exhaustedWord, quantityOf, scopeWord } from "./budget.ts";
import { BudgetForm } from "./budget-form.tsx";

type Asking =
  | { kind: "new" }
  | { kind: "remove"; budget: Budget }
  | { kind: "unpriced"; models: string[]; currency: string };

export function Budgets() {
  const { api } = useSession();
  const { nameOf } = useAgents();
  const [asking, setAsking] = useState<Asking | null>(null);
  const list = useList<Budget>(BUDGETS, "budgets", { per_page: 50 });
  const close = () => setAsking(null);
  const remove = useAction({
    run: (id: string) => api.send("DELETE", `${BUDGETS}/${id}`),
    stale: [BUDGETS],
    done: say("removed"),
    isQuiet: true,
  });
  const whom = ({ applies_to, agent_id, entity_type, entity_id }: Budget) => {
    if (applies_to === "agent") return `${say("agent")} ${nameOf(agent_id ?? "")}`;
    if (applies_to === "entity") return `${say(entity_type === "user" ? "user" : "visitor")} ${entity_id}`;
    return scopeWord(applies_to);
  };
  return (
    <Page
      title={say("budgets")}
      about={say("budgetsAbout")}
      actions={
        <button type="button" className="button primary" onClick={() => setAsking({ kind: "new" })}>
          <Plus aria-hidden="true" />
          {say("newBudget")}
        </button>
      }
    >
      <Table
        label={say("budgets")}
        list={list}
        keyOf={({ id }) => id}
        empty={say("noBudgets")}
        columns={[
          { name: say("turnsOf"), cell: whom },
          { name: say("period"), cell: ({ period }) => say(period) },
          { name: say("atMost"), cell: (budget) => quantityOf(budget, budget.tokens ?? budget.amount) },
          { name: say("used"), cell: (budget) => <Used budget={budget} /> },
          { name: say("reserved"), cell: (budget) => quantityOf(budget, budget.reserved) },
          { name: say("resets"), cell: ({ resets_at }) => <Time at={resets_at} /> },
          { name: say("whenUsedUp"), cell: ({ on_exhausted }) => exhaustedWord(on_exhausted) },
          {
            name: say("actions"),
            cell: (budget) => (
              <Menu
                label={say("actionsOf", { name: `${whom(budget)}, ${say(budget.period)}` })}
                items={[{ label: say("remove"), isDanger: true, run: () => setAsking({ kind: "remove", budget }) }]}
              />
            ),
          },
        ]}
      />
      {asking?.kind === "new" && (
        <BudgetForm
          onClose={close}
          onMade={({ budget, unpriced_models: models }) =>
            models.length > 0 ? setAsking({ kind: "unpriced", models, currency: budget.currency ?? "" }) : close()
          }
        />
      )}
      {asking?.kind === "unpriced" && (
        <Modal title={say("unpriced")} onClose={close} className="narrow">
          <div className="stack">
            <p>{say("unpricedText", { currency: asking.currency })}</p>
            <ul>
              {asking.models.map((model) => (
                <li key={model}>
                  <code>{model}</code>
                </li>
              ))}
            </ul>
            <Link href="/settings/providers">{say("providers")}</Link>
          </div>
        </Modal>
      )}
      {asking?.kind === "remove" && (
        <Confirm
          title={say("remove")}
          text={say("removeBudgetText")}
          action={say("remove")}
          onClose={close}
          run={() => remove.mutateAsync(asking.budget.id)}
        />
      )}
    </Page>
  );
}

/** What is used, and how far that is. */
function Used({ budget }: { budget: Budget }) {
  const shown = quantityOf(budget, budget.used);
  const most = Number(budget.tokens ?? budget.amount);
  if (budget.used === null) return <>{shown}</>;
  return (
    <span className="used">
      {shown}
      <meter aria-label={say("used")} min={0} max={most} high={most * 0.8} value={Number(budget.used)} />
    </span>
  );
}
