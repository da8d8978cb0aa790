/** Figures over a period as the API has them, and its days. */
import type { Usage } from "../types.ts";
import type { Word } from "../words.ts";

type Turns = {
  turn_count: number;
  failure_rate: number | null;
  stop_rate: number | null;
  feedback: { up: number; down: number; rate: number | null; up_rate: number | null };
  hand_overs: number;
  hand_over_rate: number | null;
  staff_replies: number;
  failed_turns: number;
  stopped_turns: number;
  message_count: number;
  deleted_message_count: number;
  avg_response_time_ms: number | null;
  usage: Usage | null;
};
type Ranked = Turns & {
  p50_response_time_ms: number | null;
  p95_response_time_ms: number | null;
  p50_first_staff_reply_ms: number | null;
};
type Figures = Ranked & { new_conversations: number; new_leads: number };
export type Day = Figures & { date: string };

export type Dashboard = {
  start_date: string;
  end_date: string;
  /** IANA name: days are those of the company. */
  time_zone: string;
  conversations: { active: number; archived: number; deleted: number };
  leads: number;
  totals: Figures;
  by_day: Day[];
  top_agents?: (Turns & { agent_id: string; name: string | null })[];
};

export const EXPORTS: [type: string, word: Word][] = [
  ["conversations", "conversations"],
  ["leads", "leads"],
  ["agents", "agents"],
  ["usage", "tokensWord"],
];

/** The day of a moment in a time zone, as `YYYY-MM-DD`. */
export function dayIn(at: number | string, zone: string): string {
  const format = new Intl.DateTimeFormat("en", { timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit" });
  const parts = Object.fromEntries(format.formatToParts(new Date(at)).map(({ type, value }) => [type, value]));
  return `${parts["year"]}-${parts["month"]}-${parts["day"]}`;
}

/** The day so many days before today. */
export function daysBefore(days: number, zone: string): string {
  const today = Date.parse(dayIn(Date.now(), zone));
  return new Date(today - days * 86_400_000).toISOString().slice(0, 10);
}
