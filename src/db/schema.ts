/**
 * The tables of D1. A property has the name of its column and of its member on the wire. Every table but setup_link has
 * company_id, and every query names it. Times are integer milliseconds since the epoch. The triggers (tallies, append-only audit) are in
 * migrations that are written by hand.
 */
import { sql } from "drizzle-orm";
import { index, integer, primaryKey, real, sqliteTable, text, uniqueIndex } from "drizzle-orm/sqlite-core";
import type { Hold } from "../chat/conversation.ts";
import type { JsonObject } from "../json.ts";
import type { AgentSettings, Knowledge } from "../chat/agent.ts";
import type { Author, ReplyDetails } from "../chat/message.ts";
import type { Cost } from "../chat/money.ts";
import type { ToolCall } from "../chat/tool-call.ts";
import { MEASURES } from "./measures.ts";

const id = () => text().primaryKey();
const company_id = () => text().notNull();
const millis = () => integer();
const created_at = () => millis().notNull();
const json = <T>() => text({ mode: "json" }).$type<T>();
const sum = () => integer().notNull();
/** How many completed turns, and first replies of a person, took how long: `{<bucket>: <count>}`. */
const times = () => ({
  turn_times: json<Record<string, number>>().notNull(),
  wait_times: json<Record<string, number>>().notNull(),
});

export const company = sqliteTable(
  "company",
  {
    id: id(),
    name: text().notNull(),
    /** IANA name; where its days begin. */
    time_zone: text().notNull().default("UTC"),
    /** Days after which what is not used any more goes for good; null keeps it for ever. */
    conversations_days: integer(),
    deleted_days: integer(),
    leads_days: integer(),
    /** Name of the D1 binding that holds this company's rows. */
    database: text().notNull().default("DB"),
    /** Set while the company is being moved from one database to another; see cli/tenant/move.ts. */
    moving_from: text(),
    moving_to: text(),
    created_at: created_at(),
  },
  (t) => [
    index("company_retention")
      .on(t.id)
      .where(sql`coalesce(conversations_days, deleted_days, leads_days) IS NOT NULL`),
  ],
);

/** The open link to /setup: of its secret the SHA-256, in hexadecimal. A link is there before its company is. */
export const setup_link = sqliteTable("setup_link", {
  secret_hash: text().primaryKey(),
  created_at: created_at(),
  expires_at: millis().notNull(),
});

/** Companies that were or are being moved to another database: this one refuses their writes. See cli/tenant/move.ts. */
export const departed = sqliteTable("departed", { company_id: text().primaryKey(), at: millis().notNull() });

export const user = sqliteTable(
  "user",
  {
    id: id(),
    company_id: company_id(),
    /** The identity provider of the subject; "" for users whom the company's own backend names, OWNER (company.ts) for the first user. */
    issuer: text().notNull().default(""),
    subject: text().notNull(),
    name: text(),
    email: text(),
    role: text({ enum: ["member", "admin"] })
      .notNull()
      .default("member"),
    created_at: created_at(),
    /** From then on none of this user's tokens is good. */
    deleted_at: millis(),
    deleted_by: text(),
    erased_at: millis(),
  },
  (t) => [
    uniqueIndex("user_subject").on(t.company_id, t.issuer, t.subject),
    index("user_erased")
      .on(t.company_id, t.erased_at)
      .where(sql`erased_at IS NOT NULL`),
    index("user_company")
      .on(t.company_id, t.id, t.deleted_at)
      .where(sql`deleted_at IS NULL`),
  ],
);

export const api_key = sqliteTable(
  "api_key",
  {
    id: id(),
    company_id: company_id(),
    user_id: text().notNull(),
    name: text().notNull(),
    /** The public half, `ak_…`. Of the secret half only the SHA-256 is stored, in hexadecimal. */
    key: text().notNull(),
    secret_hash: text().notNull(),
    /** After a rotation the previous secret stays valid until previous_expires_at. */
    previous_secret_hash: text(),
    previous_expires_at: millis(),
    scopes: json<("read" | "write" | "admin")[]>().notNull(),
    created_at: created_at(),
    expires_at: millis(),
    revoked_at: millis(),
    last_used_at: millis(),
  },
  (t) => [uniqueIndex("api_key_key").on(t.key), index("api_key_company").on(t.company_id, t.id)],
);

export const issuer = sqliteTable(
  "issuer",
  {
    id: id(),
    company_id: company_id(),
    issuer: text().notNull(),
    /** Null: the issuer's own discovery document names it. */
    jwks_uri: text(),
    audience: text().notNull(),
    algorithms: json<string[]>().notNull(),
    role_claim: text(),
    created_at: created_at(),
    /** When a token proved it; until then its tokens are refused and it stands in nobody's way. */
    verified_at: millis(),
    /** The key set as it was last fetched, and when: for the time in which it cannot be. */
    keys: json<JsonObject>(),
    keys_at: millis(),
  },
  (t) => [
    uniqueIndex("issuer_audience")
      .on(t.issuer, t.audience)
      .where(sql`verified_at IS NOT NULL`),
    uniqueIndex("issuer_own").on(t.company_id, t.issuer, t.audience),
    index("issuer_company").on(t.company_id, t.id),
  ],
);

export const lead = sqliteTable(
  "lead",
  {
    id: id(),
    company_id: company_id(),
    agent_id: text(),
    /** The company's own id of a visitor whom its backend identified; null for an anonymous one. */
    external_id: text(),
    first_name: text(),
    last_name: text(),
    email: text(),
    phone: text(),
    source: text(),
    /** As they are searched; see folded.ts. */
    first_name_folded: text(),
    last_name_folded: text(),
    email_folded: text(),
    /** The refresh token (its `jti`) that is good now, and the one before it; null before the first refresh. */
    refresh_id: text(),
    refresh_previous_id: text(),
    refreshed_at: millis(),
    /** Tokens from before then are refused: a refresh token was used twice. */
    tokens_ended_at: millis(),
    consent_data_processing_at: millis(),
    consent_marketing_at: millis(),
    created_at: created_at(),
    updated_at: millis().notNull(),
    deleted_at: millis(),
    deleted_by: text(),
    erased_at: millis(),
    /** Why and since when nothing of this person may go for good. */
    hold: json<Hold>(),
    /** When this person last wrote, or the details changed, as far as the retention run has looked; 0: not at all. */
    active_at: millis().notNull().default(0),
  },
  (t) => [
    index("lead_idle")
      .on(t.company_id, t.active_at, t.id)
      .where(sql`erased_at IS NULL`),
    uniqueIndex("lead_external")
      .on(t.company_id, t.external_id)
      .where(sql`external_id IS NOT NULL`),
    index("lead_company")
      .on(t.company_id, t.id, t.deleted_at)
      .where(sql`deleted_at IS NULL`),
    index("lead_agent")
      .on(t.company_id, t.agent_id, t.id, t.deleted_at)
      .where(sql`deleted_at IS NULL`),
    ...(["first_name", "last_name", "email"] as const).map((name) =>
      index(`lead_unfolded_${name}`)
        .on(t.id)
        .where(sql.raw(`${name} IS NOT NULL AND ${name}_folded IS NULL`)),
    ),
    index("lead_created").on(t.company_id, t.created_at, t.id),
  ],
);

export const agent = sqliteTable(
  "agent",
  {
    id: id(),
    company_id: company_id(),
    name: text().notNull(),
    name_folded: text(),
    description: text().notNull().default(""),
    instructions: text().notNull().default(""),
    /** `provider/name`; see models/. */
    model: text().notNull(),
    temperature: real(),
    max_output_tokens: integer(),
    greeting: text().notNull().default(""),
    knowledge: json<Knowledge[]>().notNull(),
    allowed_origins: json<string[]>().notNull(),
    lead_form: text({ enum: ["none", "optional", "required"] })
      .notNull()
      .default("none"),
    status: text({ enum: ["active", "inactive"] })
      .notNull()
      .default("active"),
    settings: json<AgentSettings>().notNull(),
    metadata: json<JsonObject>().notNull(),
    created_at: created_at(),
    updated_at: millis().notNull(),
    deleted_at: millis(),
    deleted_by: text(),
  },
  (t) => [
    index("agent_company")
      .on(t.company_id, t.id, t.deleted_at)
      .where(sql`deleted_at IS NULL`),
    index("agent_unfolded")
      .on(t.id)
      .where(sql`name_folded IS NULL`),
  ],
);

export const model_provider = sqliteTable(
  "model_provider",
  {
    company_id: company_id(),
    name: text().notNull(),
    kind: text({ enum: ["openai", "anthropic", "google", "workers-ai", "openai-compatible"] }).notNull(),
    base_url: text(),
    /** AES-GCM, `<key id>.<iv>.<ciphertext>`, base64url; never read back. */
    api_key_ciphertext: text(),
    created_at: created_at(),
    updated_at: millis().notNull(),
  },
  (t) => [primaryKey({ columns: [t.company_id, t.name] })],
);

/** What models cost a company, by their whole names, such as `openai/gpt-5`. */
export const model_price = sqliteTable(
  "model_price",
  {
    company_id: company_id(),
    model: text().notNull(),
    /** Exact decimals, per million tokens; see chat/money.ts. */
    input: text().notNull(),
    cached_input: text(),
    output: text().notNull(),
    currency: text().notNull(),
  },
  (t) => [primaryKey({ columns: [t.company_id, t.model] })],
);

/** How much may be used in a day or a month; what was used is counted by the company's ledger, see src/budget. */
export const budget = sqliteTable(
  "budget",
  {
    id: id(),
    company_id: company_id(),
    applies_to: text({ enum: ["company", "agent", "entity", "each_lead"] }).notNull(),
    agent_id: text(),
    entity_type: text({ enum: ["user", "lead"] }),
    entity_id: text(),
    period: text({ enum: ["day", "month"] }).notNull(),
    /** Either tokens, or an exact decimal of a currency. */
    tokens: integer(),
    amount: text(),
    currency: text(),
    on_exhausted: text({ enum: ["refuse", "fallback", "hand_over"] }).notNull(),
    created_at: created_at(),
  },
  (t) => [index("budget_company").on(t.company_id, t.id)],
);

export const conversation = sqliteTable(
  "conversation",
  {
    id: id(),
    company_id: company_id(),
    agent_id: text().notNull(),
    entity_type: text({ enum: ["user", "lead"] }).notNull(),
    entity_id: text().notNull(),
    title: text().notNull(),
    /** As it is searched; see folded.ts. */
    title_folded: text(),
    metadata: json<JsonObject>().notNull(),
    max_context_length: integer().notNull(),
    /** Never `deleted`: that is what deleted_at says, so that a restore brings back the status from before. */
    status: text({ enum: ["active", "archived"] })
      .notNull()
      .default("active"),
    message_count: integer().notNull().default(0),
    last_message_at: millis(),
    /** last_message_at, or created_at before the first message. Lists are sorted by it. */
    activity_at: millis().notNull(),
    created_at: created_at(),
    updated_at: millis().notNull(),
    deleted_at: millis(),
    deleted_by: text(),
    /** Set when the content was erased: such a conversation cannot be restored. */
    erased_at: millis(),
    /** Counts changes: a batch of an older one that arrives late is refused, by a trigger. */
    revision: integer().notNull().default(0),
    /** Idempotency-Key of the request that created it, and the hash of that request's body. */
    creation_key: text(),
    creation_hash: text(),
    handled_by: text({ enum: ["agent", "staff"] })
      .notNull()
      .default("agent"),
    handler_id: text(),
    handler_name: text(),
    waiting_since: millis(),
    unread_lead: integer().notNull().default(0),
    unread_staff: integer().notNull().default(0),
    /**
     * The hour of activity_at (see unread-hour.ts) while staff has something to read; otherwise null. Lists of what is unread go by it,
     * because an index with activity_at in it would be written with every turn.
     */
    unread_hour: integer(),
    /** Why and since when nothing of this conversation may go for good. */
    hold: json<Hold>(),
    /** How many webhook events it has had; see webhook_event. */
    event_sequence: integer().notNull().default(0),
  },
  (t) => [
    // The columns of an index's WHERE are also its last columns: otherwise SQLite reads every row to check the condition.
    index("conversation_company")
      .on(t.company_id, t.entity_type, t.status, t.activity_at, t.id, t.deleted_at)
      .where(sql`deleted_at IS NULL`),
    // Not partial, because erasing a person must find deleted conversations too.
    index("conversation_entity").on(
      ...([t.company_id, t.entity_type, t.entity_id, t.deleted_at, t.status, t.activity_at, t.id] as const),
    ),
    // Rare states, so that turns of other conversations do not write these. One equality more than conversation_company has.
    index("conversation_staff")
      .on(t.company_id, t.deleted_at, t.entity_type, t.status, t.activity_at, t.id, t.handled_by)
      .where(sql`handled_by = 'staff' AND deleted_at IS NULL`),
    index("conversation_waiting")
      .on(t.company_id, t.deleted_at, t.entity_type, t.status, t.activity_at, t.id, t.waiting_since)
      .where(sql`waiting_since IS NOT NULL AND deleted_at IS NULL`),
    index("conversation_unread")
      .on(t.company_id, t.deleted_at, t.entity_type, t.status, t.unread_hour)
      .where(sql`unread_hour IS NOT NULL AND deleted_at IS NULL`),
    index("conversation_agent")
      .on(t.company_id, t.agent_id, t.entity_type, t.status, t.activity_at, t.id, t.deleted_at)
      .where(sql`deleted_at IS NULL`),
    index("conversation_deleted")
      .on(t.company_id, t.deleted_at, t.id, t.erased_at)
      .where(sql`deleted_at IS NOT NULL AND erased_at IS NULL`),
    index("conversation_created").on(t.company_id, t.created_at, t.id),
    // Those that retention has begun to take away.
    index("conversation_closed")
      .on(t.id)
      .where(sql`deleted_by = 'retention'`),
    index("conversation_retention")
      .on(t.deleted_at, t.id)
      .where(sql`deleted_at IS NOT NULL`),
    index("conversation_unfolded")
      .on(t.id)
      .where(sql`title_folded IS NULL`),
    // Everything of one person, in an order that no turn changes.
    index("conversation_owner").on(t.company_id, t.entity_type, t.entity_id, t.id),
    index("conversation_held")
      .on(t.company_id, t.entity_type, t.entity_id)
      .where(sql`hold IS NOT NULL`),
    uniqueIndex("conversation_creation")
      .on(t.company_id, t.entity_type, t.entity_id, t.creation_key)
      .where(sql`creation_key IS NOT NULL`),
  ],
);

export const message = sqliteTable(
  "message",
  {
    id: text().notNull(),
    company_id: company_id(),
    conversation_id: text().notNull(),
    agent_id: text().notNull(),
    turn_id: text().notNull(),
    sequence: integer().notNull(),
    role: text({ enum: ["user", "assistant"] }).notNull(),
    content: text().notNull(),
    status: text({ enum: ["complete", "failed", "stopped"] }).notNull(),
    model_used: text(),
    /** Seconds from the start of the turn to its end; assistant only. */
    processing_time: real(),
    input_tokens: integer(),
    output_tokens: integer(),
    usage_source: text({ enum: ["measured", "estimated"] }),
    metadata: json<JsonObject>().notNull(),
    /** Tools that were called for this reply. */
    tool_calls: json<ToolCall[]>(),
    feedback: json<{ rating: "up" | "down"; comment?: string }>(),
    created_at: created_at(),
    deleted_at: millis(),
    deleted_by: text(),
    /** The bulk delete that deleted it; null if it was deleted alone. */
    deletion_id: text(),
    /** Set when the text was purged: such a message cannot be restored. */
    purged_at: millis(),
    /** How a reply came about; null for most. */
    details: json<ReplyDetails>(),
    /** The person who wrote a reply; null for what users and models say. */
    author: json<Author>(),
    cached_input_tokens: integer(),
    cost: json<Cost>(),
  },
  (t) => [
    // Without rowid, as its migration says: one entry less for each message.
    primaryKey({ columns: [t.conversation_id, t.sequence] }),
    uniqueIndex("message_id").on(t.id),
    index("message_gone")
      .on(t.conversation_id, t.sequence, t.deleted_at)
      .where(sql`deleted_at IS NOT NULL`),
    index("message_deleted")
      .on(t.company_id, t.deleted_at, t.id, t.purged_at)
      .where(sql`deleted_at IS NOT NULL AND purged_at IS NULL`),
    index("message_deleted_in")
      .on(t.conversation_id, t.deleted_at, t.id, t.purged_at)
      .where(sql`deleted_at IS NOT NULL AND purged_at IS NULL`),
    index("message_retention")
      .on(t.deleted_at, t.id)
      .where(sql`deleted_at IS NOT NULL AND purged_at IS NULL`),
    index("message_reply_time")
      .on(t.company_id, t.created_at)
      .where(sql`role = 'assistant'`),
  ],
);

/** Counters of the rows in each list, maintained by triggers, so that no page has to count. Erased rows are not counted. */
export const tally = sqliteTable(
  "tally",
  {
    company_id: company_id(),
    /** What is counted, and by what: see tally.ts. */
    kind: text({
      enum: ["company", "entity", "agent", "unread", "message", "lead", "agents", "user", "audit"],
    }).notNull(),
    ref: text().notNull(),
    active: integer().notNull().default(0),
    archived: integer().notNull().default(0),
    deleted: integer().notNull().default(0),
  },
  (t) => [
    primaryKey({ columns: [t.company_id, t.kind, t.ref] }),
    // Of a company's audit, `active` counts the rows and `archived` those that are sealed.
    index("tally_unsealed")
      .on(t.company_id)
      .where(sql`kind = 'audit' AND active > archived`),
  ],
);

/** Who did what to which object; never content. Append-only: triggers refuse UPDATE and DELETE. */
export const audit_event = sqliteTable(
  "audit_event",
  {
    id: id(),
    company_id: company_id(),
    /** 1, 2, 3 … per company, in the order in which they were written; a trigger sees to it. */
    sequence: integer(),
    at: millis().notNull(),
    actor_type: text({ enum: ["user", "lead", "system"] }).notNull(),
    actor_id: text().notNull(),
    /** Id of the API key that was used, if one was. */
    api_key_id: text(),
    action: text().notNull(),
    target_type: text().notNull(),
    target_id: text().notNull(),
    request_id: text(),
    details: json<JsonObject>().notNull(),
  },
  (t) => [
    uniqueIndex("audit_sequence").on(t.company_id, t.sequence),
    index("audit_company").on(t.company_id, t.at, t.id),
    index("audit_target").on(t.company_id, t.target_id, t.at, t.id),
    index("audit_actor").on(t.company_id, t.actor_id, t.at, t.id),
    index("audit_action").on(t.company_id, t.action, t.at, t.id),
  ],
);

/** Hashes over stretches of a company's audit, each over the one before it as well. Append-only like the rows. */
export const audit_seal = sqliteTable(
  "audit_seal",
  {
    id: id(),
    company_id: company_id(),
    first_sequence: integer().notNull(),
    last_sequence: integer().notNull(),
    /** How many there were: fewer than the numbers say where somebody had taken some away. */
    rows: integer().notNull(),
    /** SHA-256, hexadecimal; the first seal of a company has none before it. */
    hash: text().notNull(),
    previous_hash: text(),
    sealed_at: millis().notNull(),
    /** Detached JWS over everything else. */
    signature: text().notNull(),
  },
  (t) => [uniqueIndex("audit_seal_first").on(t.company_id, t.first_sequence)],
);

/** People and conversations that are gone for good or on their way there, and how far that is; never content. */
export const erasure = sqliteTable(
  "erasure",
  {
    id: id(),
    company_id: company_id(),
    kind: text({ enum: ["lead", "user", "conversation"] }).notNull(),
    target_id: text().notNull(),
    status: text({ enum: ["running", "done"] })
      .notNull()
      .default("running"),
    /** `<salt>.<SHA-256 of salt, kind and id>`, base64url: whoever knows the id can tell that this is about it. */
    subject_hash: text().notNull(),
    /** Id of the user who asked for it, or the part of the service that did. */
    requested_by: text().notNull(),
    began_at: millis().notNull(),
    done_at: millis(),
    /** The walk over the conversations: how many times it has begun, behind which one it is, and whether this time it found some. */
    pass: integer().notNull().default(1),
    cursor: text().notNull().default(""),
    found: integer({ mode: "boolean" }).notNull().default(false),
    stores: json<Record<string, number>>().notNull(),
    /** Compact JWS over what is shown of the row. */
    receipt: text(),
  },
  (t) => [
    index("erasure_company").on(t.company_id, t.id),
    index("erasure_target").on(t.company_id, t.target_id, t.id),
    uniqueIndex("erasure_running")
      .on(t.company_id, t.target_id)
      .where(sql`status = 'running'`),
  ],
);

/** Addresses that a company wants its events sent to. */
export const webhook = sqliteTable(
  "webhook",
  {
    id: id(),
    company_id: company_id(),
    url: text().notNull(),
    /** Types of events; null: all. */
    events: json<string[]>(),
    description: text().notNull().default(""),
    payload: text({ enum: ["thin", "full"] })
      .notNull()
      .default("thin"),
    /** Encrypted like a provider's key. After a rotation the previous one signs as well until previous_until. */
    secret_ciphertext: text().notNull(),
    previous_ciphertext: text(),
    previous_until: millis(),
    created_at: created_at(),
    updated_at: millis().notNull(),
    /** The receiver answered 410: nothing is sent until the webhook is put again. */
    disabled_at: millis(),
  },
  (t) => [index("webhook_company").on(t.company_id, t.id)],
);

/**
 * What happened, ids only, while the company has webhooks. Triggers write it in the batch of the fact itself: there is no
 * event without its fact, and no fact without its event. Within a conversation they are numbered without gaps.
 */
export const webhook_event = sqliteTable(
  "webhook_event",
  {
    /** Of the row that the fact is: a batch that arrives twice makes no second event. */
    id: id(),
    company_id: company_id(),
    type: text().notNull(),
    at: millis().notNull(),
    conversation_id: text(),
    sequence: integer(),
    data: json<JsonObject>().notNull(),
  },
  (t) => [index("webhook_event_company").on(t.company_id, t.at, t.id), index("webhook_event_at").on(t.at)],
);

/**
 * An event on its way to a webhook. Of one conversation only the first that is pending has a `next_at`: the others wait for
 * it, so that they arrive in order.
 */
export const webhook_delivery = sqliteTable(
  "webhook_delivery",
  {
    id: id(),
    company_id: company_id(),
    webhook_id: text().notNull(),
    event_id: text().notNull(),
    type: text().notNull(),
    conversation_id: text(),
    sequence: integer(),
    status: text({ enum: ["pending", "delivered", "dead"] })
      .notNull()
      .default("pending"),
    attempts: integer().notNull().default(0),
    /** Status of the last answer; null where there was none. */
    last_status: integer(),
    next_at: millis(),
    created_at: created_at(),
  },
  (t) => [
    uniqueIndex("webhook_delivery_event").on(t.event_id, t.webhook_id),
    index("webhook_delivery_webhook").on(t.company_id, t.webhook_id, t.id),
    index("webhook_delivery_due")
      .on(t.company_id, t.webhook_id, t.next_at, t.id)
      .where(sql`next_at IS NOT NULL`),
    index("webhook_delivery_order")
      .on(t.webhook_id, t.conversation_id, t.sequence)
      .where(sql`status = 'pending'`),
  ],
);

/**
 * Spans of time of which a company's figures are in `rollup`; of everything else they are counted when they are read. A trigger
 * takes a span away, with its sums, in the write that changes anything that counts in it: what is here is always right.
 */
export const rollup_span = sqliteTable(
  "rollup_span",
  { company_id: company_id(), from_at: millis().notNull(), until_at: millis().notNull(), ...times() },
  (t) => [primaryKey({ columns: [t.company_id, t.from_at] })],
);

/** Sums of one span, agent and model. */
export const rollup = sqliteTable(
  "rollup",
  {
    company_id: company_id(),
    from_at: millis().notNull(),
    /** "" where there is none: leads without an agent, and what no model has said. */
    agent_id: text().notNull(),
    model_used: text().notNull(),
    ...(Object.fromEntries(MEASURES.map((name) => [name, sum()])) as Record<
      (typeof MEASURES)[number],
      ReturnType<typeof sum>
    >),
    currency_first: text(),
    currency_last: text(),
    ...times(),
  },
  (t) => [primaryKey({ columns: [t.company_id, t.from_at, t.agent_id, t.model_used] })],
);

/** Companies of which something is to be rolled up by the next scheduled run. */
export const rollup_due = sqliteTable("rollup_due", { company_id: text().primaryKey() });
