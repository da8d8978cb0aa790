/** What became of the events of a webhook, and having them sent again. */
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "wouter";
import { useSession } from "../session.tsx";
import { useAction } from "../ui/action.ts";
import { Field } from "../ui/field.tsx";
import { useList } from "../ui/list.ts";
import { Page } from "../ui/page.tsx";
import { Table } from "../ui/table.tsx";
import { Time } from "../ui/time.tsx";
import { announce } from "../ui/toast.tsx";
import { FormModal } from "../ui/form-modal.tsx";
import { say } from "../words.ts";
import { type Webhook, WEBHOOKS } from "./webhook.ts";

type Delivery = {
  id: string;
  event_id: string;
  type: string;
  status: "pending" | "delivered" | "dead";
  attempts: number;
  last_status: number | null;
  next_at: string | null;
  created_at: string;
};

const STATUS = { pending: "pending", delivered: "delivered", dead: "dead" } as const;
const TONE = { pending: "tag warn", delivered: "tag good", dead: "tag bad" };

export function Deliveries({ id }: { id: string }) {
  const { api } = useSession();
  const [isReplaying, setReplaying] = useState(false);
  const path = `${WEBHOOKS}/${id}/deliveries`;
  const hook = useQuery({
    queryKey: [WEBHOOKS, id],
    queryFn: async ({ signal }) => (await api.get<{ webhook: Webhook }>(`${WEBHOOKS}/${id}`, {}, signal)).webhook,
  });
  const list = useList<Delivery>(path, "deliveries", { per_page: 50 });
  const replay = useAction({
    run: (delivery_id: string) => api.send("POST", `${WEBHOOKS}/${id}/replay`, { body: { delivery_id } }),
    stale: [path],
    done: say("sentAgain"),
  });
  const test = useAction({
    run: () => api.send("POST", `${WEBHOOKS}/${id}/test`),
    stale: [path],
    done: say("testSent"),
  });
  return (
    <Page
      title={say("deliveries")}
      about={hook.data?.url}
      actions={
        <>
          <Link href="/settings/webhooks" className="button">
            {say("webhooks")}
          </Link>
          <button type="button" className="button" onClick={() => void list.refetch()}>
            {say("refresh")}
          </button>
          <button type="button" className="button" onClick={() => setReplaying(true)}>
            {say("replayPeriod")}
          </button>
          <button type="button" className="button primary" disabled={test.isPending} onClick={() => test.mutate()}>
            {say("sendTest")}
          </button>
        </>
      }
    >
      <Table
        label={say("deliveries")}
        list={list}
        keyOf={(delivery) => delivery.id}
        empty={say("noDeliveries")}
        columns={[
          { name: say("when"), cell: ({ created_at }) => <Time at={created_at} exact /> },
          { name: say("event"), cell: ({ type }) => <code>{type}</code> },
          { name: say("status"), cell: ({ status }) => <span className={TONE[status]}>{say(STATUS[status])}</span> },
          { name: say("attemptCount"), isNumber: true, cell: ({ attempts }) => attempts },
          { name: say("lastStatus"), isNumber: true, cell: ({ last_status }) => last_status ?? "–" },
          { name: say("nextTry"), cell: ({ next_at }) => (next_at ? <Time at={next_at} /> : "–") },
          {
            name: say("actions"),
            cell: (delivery) => (
              <button
                type="button"
                className="button"
                disabled={replay.isPending}
                onClick={() => replay.mutate(delivery.id)}
              >
                {say("sendAgain")}
              </button>
            ),
          },
        ]}
      />
      {isReplaying && <ReplayForm id={id} stale={path} onClose={() => setReplaying(false)} />}
    </Page>
  );
}

function ReplayForm({ id, stale, onClose }: { id: string; stale: string; onClose: () => void }) {
  const { api } = useSession();
  const [from, setFrom] = useState("");
  const [to, setTo] = useState("");
  const replay = useAction({
    run: () => {
      const body = { from: new Date(from).toISOString(), to: new Date(to).toISOString() };
      return api.send<{ replayed: number; next_from: string | null }>("POST", `${WEBHOOKS}/${id}/replay`, { body });
    },
    stale: [stale],
    isQuiet: true,
    onDone: ({ replayed, next_from }) => {
      announce(say("replayed", { n: replayed }));
      if (next_from === null) return onClose();
      setFrom(next_from.slice(0, 16));
    },
  });
  return (
    <FormModal title={say("replayPeriod")} onClose={onClose} action={replay} button={say("sendAgain")}>
      <Field
        label={say("from")}
        type="datetime-local"
        required
        value={from}
        onChange={(event) => setFrom(event.target.value)}
      />
      <Field
        label={say("to")}
        type="datetime-local"
        required
        value={to}
        onChange={(event) => setTo(event.target.value)}
      />
    </FormModal>
  );
}
