/** Whose conversation this is: what is known of them, their other conversations, and what the law asks for. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "wouter";
import { PersonActions } from "../people/person-actions.tsx";
import { LeadFacts } from "../people/lead-facts.tsx";
import { useSession } from "../session.tsx";
import type { Conversation, Lead, User } from "../types.ts";
import { Copy } from "../ui/copy.tsx";
import { useList } from "../ui/list.ts";
import { Failed, Loading } from "../ui/state.tsx";
import { More } from "../ui/table.tsx";
import { Time } from "../ui/time.tsx";
import { say } from "../words.ts";
import type { Actions } from "./use-conversation.ts";

export function PersonPanel({ conversation, actions }: { conversation: Conversation; actions: Actions }) {
  const { entity_type, entity_id } = conversation;
  return (
    <div className="stack">
      {entity_type === "lead" ? <LeadPanel id={entity_id} actions={actions} /> : <UserPanel id={entity_id} />}
      {conversation.hold && (
        <p className="banner">
          {say("heldFor")} {conversation.hold.reason} (<Time at={conversation.hold.since} />)
        </p>
      )}
      <Others conversation={conversation} />
    </div>
  );
}

function LeadPanel({ id, actions }: { id: string; actions: Actions }) {
  const { api } = useSession();
  const { data, error, isPending, refetch } = useQuery({
    queryKey: ["/lead", id],
    queryFn: async ({ signal }) => (await api.get<{ lead: Lead }>(`/lead/${id}`, {}, signal)).lead,
  });
  if (isPending) return <Loading />;
  if (error) return <Failed error={error} retry={refetch} />;
  return (
    <section className="stack">
      <LeadFacts lead={data} />
      <PersonActions kind="lead" id={id} hold={data.hold} onErased={actions.refresh} />
    </section>
  );
}

function UserPanel({ id }: { id: string }) {
  const { api, can } = useSession();
  const { data } = useQuery({
    queryKey: ["/user", id],
    enabled: can("admin"),
    queryFn: async ({ signal }) => (await api.get<{ user: User }>(`/user/${id}`, {}, signal)).user,
  });
  const rows = [
    [say("name"), data?.name],
    [say("email"), data?.email],
    [say("externalId"), data?.external_id],
  ].filter(([, value]) => value);
  return (
    <section className="stack">
      <dl className="facts">
        {rows.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd dir="auto">{value}</dd>
          </div>
        ))}
      </dl>
      <div className="row">
        <code className="clip">{id}</code>
        <Copy text={id} label={say("identifier")} />
      </div>
      <PersonActions kind="user" id={id} hold={null} onErased={() => {}} />
    </section>
  );
}

function Others({ conversation }: { conversation: Conversation }) {
  const { entity_type, entity_id, id } = conversation;
  const list = useList<Conversation>(`/conversation/entity/${entity_id}`, "conversations", {
    entity_type,
    per_page: 20,
  });
  const others = list.rows.filter((other) => other.id !== id);
  return (
    <section>
      <h2 className="sub">{say("otherConversations")}</h2>
      {list.isPending && <Loading rows={2} />}
      {list.error && <Failed error={list.error} retry={list.refetch} />}
      {!list.isPending && others.length === 0 && <p className="muted">{say("noOthers")}</p>}
      <ul className="plain-list">
        {others.map((other) => (
          <li key={other.id}>
            <Link href={`/inbox/${other.id}`} className="other" dir="auto">
              <span className="grow">{other.title}</span>
              <span className="muted">
                <Time at={other.last_message_at ?? other.created_at} />
              </span>
            </Link>
          </li>
        ))}
      </ul>
      <More list={list} />
    </section>
  );
}
