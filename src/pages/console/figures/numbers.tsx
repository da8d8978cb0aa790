/** The figures of the whole period. What was not measured is a dash and never a zero. */
import { number, span } from "../ui/time.tsx";
import { say } from "../words.ts";
import type { Dashboard } from "./report.ts";

const share = (part: number, whole: number): string =>
  whole === 0 ? "–" : number(part / whole, { style: "percent", maximumFractionDigits: 1 });

/** A member that some versions of the service have: null or absent is not measured. */
const measured = (value: unknown): number | null => (typeof value === "number" ? value : null);
const asShare = (value: unknown): string => {
  const part = measured(value);
  return part === null ? "–" : number(part, { style: "percent", maximumFractionDigits: 1 });
};

export function Numbers({ report }: { report: Dashboard }) {
  const { totals, conversations, leads } = report;
  const rows: [string, string][] = [
    [say("newConversations"), number(totals.new_conversations)],
    [say("newLeads"), number(totals.new_leads)],
    [say("turns"), number(totals.turn_count)],
    [say("failureRate"), share(totals.failed_turns, totals.turn_count)],
    [say("stopRate"), share(totals.stopped_turns, totals.turn_count)],
    [say("median"), span(totals.p50_response_time_ms)],
    [say("p95"), span(totals.p95_response_time_ms)],
    [say("tokensIn"), totals.usage ? number(totals.usage.input_tokens, { notation: "compact" }) : "–"],
    [say("tokensOut"), totals.usage ? number(totals.usage.output_tokens, { notation: "compact" }) : "–"],
    [say("openNow"), number(conversations.active)],
    [say("leadsNow"), number(leads)],
    ...("hand_over_rate" in totals
      ? [[say("handOverRate"), asShare(totals["hand_over_rate"])] as [string, string]]
      : []),
    ...("first_staff_reply_time_ms" in totals
      ? [[say("firstStaffReply"), span(measured(totals["first_staff_reply_time_ms"]))] as [string, string]]
      : []),
  ];
  return (
    <dl className="numbers">
      {rows.map(([name, value]) => (
        <div key={name} className="card figure-card">
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
