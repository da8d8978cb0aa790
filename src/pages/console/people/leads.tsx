/** Visitors: everybody who registered, and one of them. */
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useLocation, useParams } from "wouter";
import { useSession } from "../session.tsx";
import type { Conversation, Lead } from "../types.ts";
import { useAction } from "../ui/action.ts";
import { useList } from "../ui/list.ts";
import { Confirm, Modal } from "../ui/modal.tsx";
import { Page } from "../ui/page.tsx";
import { Failed, Loading } from "../ui/state.tsx";
import { Table } from "../ui/table.tsx";
import { Time } from "../ui/time.tsx";
import { say } from "../words.ts";
import { LeadFacts, nameOfLead } from "./lead-facts.tsx";
import { LeadForm } from "./lead-form.tsx";
import { PersonActions } from "./person-actions.tsx";

export function Leads() {
  const { id } = useParams();
  const [, navigate] = useLocation();
  const [search, setSearch] = useState("");
  const list = useList<Lead>("/lead/company", "leads", { search, per_page: 50 });
  return (
    <Page title={say("leads")} about={say("leadsAbout")}>
      <div className="filter-bar">
        <label className="field">
          <span>{say("search")}</span>
          <input
            value={search}
            maxLength={200}
            placeholder={say("searchLeads")}
            onChange={(event) => setSearch(event.target.value)}
          />
        </label>
      </div>
      <Table
        label={say("leads")}
        list={list}
        keyOf={(lead) => lead.id}
        empty={say(search === "" ? "noLeads" : "noMatch")}
        columns={[
          { name: say("name"), cell: (lead) => <Link href={`/leads/${lead.id}`}>{nameOfLead(lead)}</Link> },
          { name: say("email"), cell: ({ email }) => email ?? "–" },
          { name: say("source"), cell: ({ source }) => source ?? "–" },
          { name: say("since"), cell: ({ created_at }) => <Time at={created_at} /> },
        ]}
      />
      {id && <LeadDialog key={id} id={id} onClose={() => navigate("/leads")} />}
    </Page>
  );
}

function LeadDialog({ id, onClose }: { id: string; onClose: () => void }) {
  const { api, can } = useSession();
  const [mode, setMode] = useState<"look" | "edit" | "delete">("look");
  const { data, error, isPending, refetch } = useQuery({
    queryKey: ["/lead", id],
    queryFn: async ({ signal }) => (await api.get<{ lead: Lead }>(`/lead/${id}`, {}, signal)).lead,
  });
  const conversations = useList<Conversation>(`/conversation/entity/${id}`, "conversations", { entity_type: "lead" });
  const remove = useAction({
    run: () => api.send("DELETE", `/lead/${id}`),
    stale: ["/lead", "/lead/company"],
    done: say("leadDeleted"),
    isQuiet: true,
    onDone: onClose,
  });
  if (mode === "delete")
    return (
      <Confirm
        title={say("deleteLead")}
        text={say("deleteLeadText")}
        action={say("delete")}
        onClose={() => setMode("look")}
        onDone={() => {}}
        run={() => remove.mutateAsync()}
      />
    );
  return (
    <Modal title={data ? nameOfLead(data) : say("visitor")} onClose={onClose}>
      {isPending && <Loading />}
      {error && <Failed error={error} retry={refetch} />}
      {data && mode === "edit" && <LeadForm lead={data} onClose={() => setMode("look")} />}
      {data && mode === "look" && (
        <div className="stack">
          <LeadFacts lead={data} />
          {can("write") && (
            <div className="actions wrap">
              <button type="button" className="button" onClick={() => setMode("edit")}>
                {say("edit")}
              </button>
              <button type="button" className="button danger-quiet" onClick={() => setMode("delete")}>
                {say("deleteLead")}
              </button>
            </div>
          )}
          <PersonActions kind="lead" id={id} hold={data.hold} onErased={onClose} />
          <section>
            <h2 className="sub">{say("conversations")}</h2>
            <Table
              label={say("conversations")}
              list={conversations}
              keyOf={(row) => row.id}
              empty={say("noConversations")}
              columns={[
                { name: say("title"), cell: (row) => <Link href={`/inbox/${row.id}`}>{row.title}</Link> },
                { name: say("messages"), isNumber: true, cell: (row) => row.message_count },
                { name: say("lastMessage"), cell: (row) => <Time at={row.last_message_at ?? row.created_at} /> },
              ]}
            />
          </section>
        </div>
      )}
    </Modal>
  );
}
