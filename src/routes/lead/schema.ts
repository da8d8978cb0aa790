/** A lead on the wire, and the members that a client may set. */
import * as z from "zod";
import type { Entity } from "../../auth/principal.ts";
import { holdView } from "../../chat/conversation.ts";
import type { LeadFields, LeadRow } from "../../db/lead.ts";
import { emailAddress, id, text, timestamp, toTimestamp, toTimestampOrNull, orNull } from "../../http/fields.ts";
import { holdSchema } from "../hold-schema.ts";
import { lazy } from "../../lazy.ts";

/** The members that a visitor may set at registration, and staff later. Null means that there is no value. */
export const leadFields = lazy(() => ({
  first_name: text(100).nullish(),
  last_name: text(100).nullish(),
  email: emailAddress().nullish(),
  phone: text(50).nullish(),
  source: text(500).nullish().meta({ description: "Where the visitor came from." }),
  consent_data_processing: z.boolean().nullish(),
  consent_marketing: z.boolean().nullish(),
}));

type LeadInput = z.output<z.ZodObject<ReturnType<typeof leadFields>>>;

export const leadSchema = lazy(() =>
  z
    .object({
      id: id(),
      company_id: id(),
      agent_id: id().nullable(),
      external_id: z.string().nullable().meta({ description: "How the company's own backend calls this visitor." }),
      first_name: z.string().nullable(),
      last_name: z.string().nullable(),
      email: z.string().nullable(),
      phone: z.string().nullable(),
      source: z.string().nullable(),
      consent_data_processing: z.boolean(),
      consent_data_processing_at: timestamp().nullable(),
      consent_marketing: z.boolean(),
      consent_marketing_at: timestamp().nullable(),
      created_at: timestamp(),
      updated_at: timestamp(),
      deleted_at: timestamp().nullable(),
      deleted_by: z.string().nullable(),
      erased_at: timestamp().nullable(),
      hold: orNull(holdSchema()),
    })
    .meta({ id: "Lead" }),
);

/** The columns that change. A consent is stored as its time; a repeated consent does not change that time. */
export function leadColumns(input: LeadInput, now: number, before?: LeadRow): LeadFields {
  const { consent_data_processing, consent_marketing, ...rest } = input;
  const at = (consent: boolean | null | undefined, earlier: number | null | undefined) =>
    consent === undefined ? undefined : consent ? (earlier ?? now) : null;
  const columns: LeadFields = {
    ...rest,
    consent_data_processing_at: at(consent_data_processing, before?.consent_data_processing_at),
    consent_marketing_at: at(consent_marketing, before?.consent_marketing_at),
  };
  return Object.fromEntries(Object.entries(columns).filter(([, value]) => value !== undefined));
}

export const leadView = (row: LeadRow, viewer: Pick<Entity, "entity_type">) => ({
  id: row.id,
  company_id: row.company_id,
  agent_id: row.agent_id,
  external_id: row.external_id,
  first_name: row.first_name,
  last_name: row.last_name,
  email: row.email,
  phone: row.phone,
  source: row.source,
  consent_data_processing: row.consent_data_processing_at !== null,
  consent_data_processing_at: toTimestampOrNull(row.consent_data_processing_at),
  consent_marketing: row.consent_marketing_at !== null,
  consent_marketing_at: toTimestampOrNull(row.consent_marketing_at),
  created_at: toTimestamp(row.created_at),
  updated_at: toTimestamp(row.updated_at),
  deleted_at: toTimestampOrNull(row.deleted_at),
  deleted_by: row.deleted_by,
  erased_at: toTimestampOrNull(row.erased_at),
  hold: holdView(row.hold, viewer),
});
