/** Erasures and their receipts. None of them says whom it was about. */
import { Who } from "../conversation/who.tsx";
import type { Erasure } from "../types.ts";
import { useList } from "../ui/list.ts";
import { Page } from "../ui/page.tsx";
import { showReceipt } from "../ui/receipt.tsx";
import { Table } from "../ui/table.tsx";
import { Time } from "../ui/time.tsx";
import { say } from "../words.ts";

const KIND = { lead: "visitor", user: "user", conversation: "conversation" } as const;

export function Erasures() {
  const list = useList<Erasure>("/erasure", "erasures");
  return (
    <Page title={say("erasures")} about={say("erasuresAbout")}>
      <Table
        label={say("erasures")}
        list={list}
        keyOf={({ id }) => id}
        empty={say("noErasures")}
        columns={[
          { name: say("when"), cell: ({ began_at }) => <Time at={began_at} exact /> },
          { name: say("kind"), cell: ({ kind }) => say(KIND[kind]) },
          { name: say("requestedBy"), cell: ({ requested_by }) => <Who id={requested_by} /> },
          {
            name: say("status"),
            cell: ({ status }) => (
              <span className={status === "done" ? "tag good" : "tag warn"}>
                {say(status === "done" ? "isDone" : "isRunning")}
              </span>
            ),
          },
          {
            name: say("receipt"),
            cell: (erasure) => (
              <button type="button" className="button" onClick={() => showReceipt(erasure)}>
                {say("show")}
              </button>
            ),
          },
        ]}
      />
    </Page>
  );
}
