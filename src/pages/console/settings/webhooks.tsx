/** Webhooks: where a company's own systems hear what happens. */
import { Plus } from "lucide-react";
import { useState } from "react";
import { Link, useParams } from "wouter";
import { useSession } from "../session.tsx";
import { useAction } from "../ui/action.ts";
import { CopyLine } from "../ui/copy.tsx";
import { useList } from "../ui/list.ts";
import { Confirm, Modal } from "../ui/modal.tsx";
import { Menu } from "../ui/menu.tsx";
import { Page } from "../ui/page.tsx";
import { Table } from "../ui/table.tsx";
import { say } from "../words.ts";
import { Deliveries } from "./deliveries.tsx";
import { type Webhook, WEBHOOKS } from "./webhook.ts";
import { WebhookForm } from "./webhook-form.tsx";

type Asking =
  | { kind: "form"; hook: Webhook | null }
  | { kind: "rotate" | "remove"; hook: Webhook }
  | { kind: "secret"; secret: string };

export function Webhooks() {
  const { id } = useParams();
  return id ? <Deliveries key={id} id={id} /> : <WebhookList />;
}

function WebhookList() {
  const { api } = useSession();
  const [asking, setAsking] = useState<Asking | null>(null);
  const list = useList<Webhook>(WEBHOOKS, "webhooks", { per_page: 50 });
  const close = () => setAsking(null);
  const remove = useAction({
    run: (id: string) => api.send("DELETE", `${WEBHOOKS}/${id}`),
    stale: [WEBHOOKS],
    done: say("removed"),
    isQuiet: true,
  });
  const rotate = useAction({
    run: (id: string) => api.send<{ secret: string }>("POST", `${WEBHOOKS}/${id}/rotate`),
    stale: [WEBHOOKS],
    isQuiet: true,
    onDone: ({ secret }) => setAsking({ kind: "secret", secret }),
  });
  const test = useAction({
    run: (id: string) => api.send("POST", `${WEBHOOKS}/${id}/test`),
    stale: [`${WEBHOOKS}/deliveries`],
    done: say("testSent"),
  });
  return (
    <Page
      title={say("webhooks")}
      about={say("webhooksAbout")}
      actions={
        <button type="button" className="button primary" onClick={() => setAsking({ kind: "form", hook: null })}>
          <Plus aria-hidden="true" />
          {say("newWebhook")}
        </button>
      }
    >
      <Table
        label={say("webhooks")}
        list={list}
        keyOf={({ id }) => id}
        empty={say("noWebhooks")}
        columns={[
          { name: say("address"), cell: ({ id, url }) => <Link href={`/settings/webhooks/${id}`}>{url}</Link> },
          { name: say("events"), cell: ({ events }) => events?.join(", ") ?? say("allEvents") },
          { name: say("payload"), cell: ({ payload }) => say(payload === "thin" ? "payloadThin" : "payloadFull") },
          {
            name: say("status"),
            cell: ({ disabled_at }) => (
              <span className={disabled_at ? "tag bad" : "tag good"}>{say(disabled_at ? "disabled" : "active")}</span>
            ),
          },
          {
            name: say("actions"),
            cell: (hook) => (
              <Menu
                label={say("actionsOf", { name: hook.url })}
                items={[
                  hook.disabled_at === null && { label: say("sendTest"), run: () => test.mutate(hook.id) },
                  { label: say("edit"), run: () => setAsking({ kind: "form", hook }) },
                  { label: say("rotate"), run: () => setAsking({ kind: "rotate", hook }) },
                  { label: say("remove"), isDanger: true, run: () => setAsking({ kind: "remove", hook }) },
                ]}
              />
            ),
          },
        ]}
      />
      {asking?.kind === "form" && (
        <WebhookForm hook={asking.hook} onClose={close} onMade={(secret) => setAsking({ kind: "secret", secret })} />
      )}
      {asking?.kind === "secret" && (
        <Modal title={say("webhookSecret")} onClose={close}>
          <div className="stack">
            <p>{say("shownOnce")}</p>
            <CopyLine label={say("webhookSecret")} text={asking.secret} />
          </div>
        </Modal>
      )}
      {asking?.kind === "rotate" && (
        <Confirm
          title={say("rotate")}
          text={say("rotateWebhookText")}
          action={say("rotate")}
          onClose={close}
          onDone={() => {}}
          run={() => rotate.mutateAsync(asking.hook.id)}
        />
      )}
      {asking?.kind === "remove" && (
        <Confirm
          title={say("remove")}
          text={say("removeWebhookText", { name: asking.hook.url })}
          action={say("remove")}
          onClose={close}
          run={() => remove.mutateAsync(asking.hook.id)}
        />
      )}
    </Page>
  );
}
