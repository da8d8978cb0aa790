/** Which conversations the inbox shows. What the service filters is sent along; the rest is looked for in what it lists. */
import type { Query } from "../api.ts";
import type { Conversation } from "../types.ts";
import { say } from "../words.ts";

export const HANDLED = ["all", "me", "staff", "agent"] as const;
export const STATUSES = ["active", "archived", "all"] as const;

export type Filter = {
  status: (typeof STATUSES)[number];
  agent: string;
  kind: "" | "lead" | "user";
  handled: (typeof HANDLED)[number];
  waiting: boolean;
  unread: boolean;
};

export const OPEN: Filter = { status: "active", agent: "", kind: "", handled: "all", waiting: false, unread: false };

const oneOf = <T extends string>(all: readonly T[], value: string | null, otherwise: T): T =>
  all.find((one) => one === value) ?? otherwise;

export const filterOf = (search: URLSearchParams): Filter => ({
  status: oneOf(STATUSES, search.get("status"), OPEN.status),
  agent: search.get("agent") ?? "",
  kind: oneOf(["", "lead", "user"], search.get("kind"), OPEN.kind),
  handled: oneOf(HANDLED, search.get("handled"), OPEN.handled),
  waiting: search.get("waiting") === "1",
  unread: search.get("unread") === "1",
});

/** The query string of a filter, without what is as it is anyway. */
export function searchOf(filter: Filter): string {
  const pairs = Object.entries(filter).flatMap(([name, value]) =>
    value === OPEN[name as keyof Filter] ? [] : [[name, value === true ? "1" : String(value)]],
  );
  return new URLSearchParams(pairs).toString();
}

/** The part of a filter that the service knows. */
export const queryOf = ({ status, agent, kind, handled, waiting, unread }: Filter): Query => ({
  status,
  agent_id: agent,
  entity_type: kind,
  handled_by: { all: undefined, me: "staff", staff: "staff", agent: "agent" }[handled],
  waiting: waiting ? "true" : undefined,
  unread: unread ? "true" : undefined,
});

/** Whether there is a part that it does not know. */
export const isNarrower = ({ handled }: Filter): boolean => handled === "me";

/** Whether a row is one of the filter, as far as it changes while it is looked at. */
export const testOf =
  ({ handled, waiting, unread }: Filter, me: string) =>
  (row: Conversation): boolean =>
    (handled === "all" || (handled === "me" ? row.handler?.entity_id === me : row.handled_by === handled)) &&
    (!waiting || row.waiting_since !== null) &&
    (!unread || row.unread.staff > 0);

const HANDLED_WORD = { all: "handledAny", me: "handledMe", staff: "handledStaff", agent: "handledAgent" } as const;
const STATUS_WORD = { active: "statusActive", archived: "statusArchived", all: "statusAll" } as const;

export const handledWord = (handled: Filter["handled"]): string => say(HANDLED_WORD[handled]);
export const statusWord = (status: Filter["status"]): string => say(STATUS_WORD[status]);

/** A filter in words: the name of a saved view. */
export function nameOf(filter: Filter, agentName: (id: string) => string): string {
  const parts = [
    ...(filter.waiting ? [say("waiting")] : []),
    ...(filter.unread ? [say("unread")] : []),
    ...(filter.handled === "all" ? [] : [handledWord(filter.handled)]),
    ...(filter.status === "active" ? [] : [statusWord(filter.status)]),
    ...(filter.agent === "" ? [] : [agentName(filter.agent)]),
    ...(filter.kind === "" ? [] : [say(filter.kind === "lead" ? "visitors" : "users")]),
  ];
  return parts.length === 0 ? say("allOpen") : parts.join(" · ");
}
