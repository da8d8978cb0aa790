/** The audit trail, and whether nobody has changed it. */
import { ShieldAlert, ShieldCheck } from "lucide-react";
import { useState } from "react";
import { useSession } from "../session.tsx";
import { Who } from "../conversation/who.tsx";
import { useAction } from "../ui/action.ts";
import { Copy } from "../ui/copy.tsx";
import { useList } from "../ui/list.ts";
import { Page } from "../ui/page.tsx";
import { Table } from "../ui/table.tsx";
import { number, Time } from "../ui/time.tsx";
import { say } from "../words.ts";

type Event = {
  id: string;
  sequence: number;
  created_at: string;
  actor_type: "user" | "lead" | "system";
  actor_id: string;
  action: string;
  target_type: string;
  target_id: string;
  request_id: string | null;
  details: Record<string, unknown>;
};
type Check = {
  valid: boolean;
  rows: number;
  seals: number;
  head: string | null;
  broken_at: number | null;
  next_cursor: string | null;
};

/** Calls of one verification: each checks some ten thousand rows. */
const MOST_CALLS = 1_000;

export function Audit() {
  const { api } = useSession();
  const [filter, setFilter] = useState({
    action: "",
    actor_id: "",
    target_id: "",
    created_after: "",
    created_before: "",
  });
  const list = useList<Event>("/audit", "audit_events", { ...filter, per_page: 50 });
  const verify = useAction({
    run: async () => {
      let sum: Check = { valid: true, rows: 0, seals: 0, head: null, broken_at: null, next_cursor: null };
      let cursor: string | undefined;
      for (let call = 0; call < MOST_CALLS; call++) {
        const part = await api.get<Check>("/audit/verify", { cursor });
        sum = { ...part, rows: sum.rows + part.rows, seals: sum.seals + part.seals };
        if (!part.valid || part.next_cursor === null) break;
        cursor = part.next_cursor;
      }
      return sum;
    },
  });
  const input = (name: keyof typeof filter, type = "text") => ({
    type,
    value: filter[name],
    onChange: (event: { target: { value: string } }) => setFilter({ ...filter, [name]: event.target.value.trim() }),
  });
  return (
    <Page
      title={say("audit")}
      about={say("auditAbout")}
      actions={
        <button type="button" className="button primary" disabled={verify.isPending} onClick={() => verify.mutate()}>
          {say(verify.isPending ? "verifying" : "verifyTrail")}
        </button>
      }
    >
      {verify.data && <Result check={verify.data} />}
      <form className="filter-bar" onSubmit={(event) => event.preventDefault()}>
        <label className="field">
          <span>{say("action")}</span>
          <input placeholder="agent.update" {...input("action")} />
        </label>
        <label className="field">
          <span>{say("actor")}</span>
          <input placeholder="UUID" {...input("actor_id")} />
        </label>
        <label className="field">
          <span>{say("target")}</span>
          <input placeholder="UUID" {...input("target_id")} />
        </label>
        <label className="field">
          <span>{say("from")}</span>
          <input {...input("created_after", "date")} />
        </label>
        <label className="field">
          <span>{say("to")}</span>
          <input {...input("created_before", "date")} />
        </label>
      </form>
      <Table
        label={say("audit")}
        list={list}
        keyOf={({ id }) => id}
        empty={say("noMatch")}
        columns={[
          { name: "#", isNumber: true, cell: ({ sequence }) => sequence },
          { name: say("when"), cell: ({ created_at }) => <Time at={created_at} exact /> },
          {
            name: say("actor"),
            cell: ({ actor_type, actor_id }) =>
              actor_type === "user" ? (
                <Who id={actor_id} />
              ) : (
                <span title={actor_id}>{say(actor_type === "lead" ? "visitor" : "system")}</span>
              ),
          },
          { name: say("action"), cell: ({ action }) => <code>{action}</code> },
          {
            name: say("target"),
            cell: ({ target_type, target_id }) => (
              <span title={target_id}>{`${target_type} ${target_id.slice(0, 8)}…`}</span>
            ),
          },
          {
            name: say("inDetail"),
            cell: ({ details }) => (Object.keys(details).length === 0 ? "–" : <code>{JSON.stringify(details)}</code>),
          },
        ]}
      />
    </Page>
  );
}

function Result({ check }: { check: Check }) {
  const Icon = check.valid ? ShieldCheck : ShieldAlert;
  return (
    <div className={check.valid ? "banner" : "banner warn"} role="status">
      <Icon aria-hidden="true" />
      <span className="grow">
        {check.valid
          ? say("trailHolds", { rows: number(check.rows), seals: number(check.seals) })
          : say("trailBroken", { n: check.broken_at ?? 0 })}
        {check.head && <code className="clip"> {check.head}</code>}
      </span>
      {check.head && <Copy text={check.head} label={say("trailHead")} />}
    </div>
  );
}
