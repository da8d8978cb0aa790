/** The figures of the whole period. What was not measured is a dash and never a zero. */
import { number, span } from "../ui/time.tsx";
import { say } from "../words.ts";
import type { Dashboard } from "./report.ts";

const share = (part: number | null): string =>
  part === null ? "–" : number(part, { style: "percent", maximumFractionDigits: 1 });

export function Numbers({ report }: { report: Dashboard }) {
  const { totals, conversations, leads } = report;
  const rows: [string, string][] = [
    [say("newConversations"), number(totals.new_conversations)],
    [say("newLeads"), number(totals.new_leads)],
    [say("turns"), number(totals.turn_count)],
    [say("failureRate"), share(totals.failure_rate)],
    [say("stopRate"), share(totals.stop_rate)],
    [say("median"), span(totals.p50_response_time_ms)],
    [say("p95"), span(totals.p95_response_time_ms)],
    [say("tokensIn"), totals.usage ? number(totals.usage.input_tokens, { notation: "compact" }) : "–"],
    [say("tokensOut"), totals.usage ? number(totals.usage.output_tokens, { notation: "compact" }) : "–"],
    [say("openNow"), number(conversations.active)],
    [say("leadsNow"), number(leads)],
    [say("handOverRate"), share(totals.hand_over_rate)],
    [say("staffReplies"), number(totals.staff_replies)],
    [say("firstStaffReply"), span(totals.p50_first_staff_reply_ms)],
    [say("goodAnswers"), share(totals.feedback.up_rate)],
    [say("rated"), share(totals.feedback.rate)],
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
