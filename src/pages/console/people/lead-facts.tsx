/** What is known of a visitor. */
import type { Lead } from "../types.ts";
import { Time } from "../ui/time.tsx";
import { say } from "../words.ts";

export const nameOfLead = (lead: Lead): string =>
  [lead.first_name, lead.last_name].filter(Boolean).join(" ") || lead.email || lead.external_id || say("anonymous");

export function LeadFacts({ lead }: { lead: Lead }) {
  const rows = [
    [say("email"), lead.email],
    [say("phone"), lead.phone],
    [say("source"), lead.source],
    [say("externalId"), lead.external_id],
    [say("consentData"), say(lead.consent_data_processing ? "yes" : "no")],
    [say("consentMarketing"), say(lead.consent_marketing ? "yes" : "no")],
  ].filter(([, value]) => value);
  return (
    <>
      <h2 className="sub" dir="auto">
        {nameOfLead(lead)}
      </h2>
      <dl className="facts">
        {rows.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd dir="auto">{value}</dd>
          </div>
        ))}
        <div>
          <dt>{say("since")}</dt>
          <dd>
            <Time at={lead.created_at} />
          </dd>
        </div>
      </dl>
    </>
  );
}
