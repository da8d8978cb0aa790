/** The audit trail, for admins: who changed what, when, in which request. Nothing here can change it. */
import * as z from "zod";
import { checkTrail } from "../compliance/verify.ts";
import { eventView, sealCompany, sealView } from "../compliance/seal.ts";
import { type AuditPlace, listAudit } from "../db/audit.ts";
import { listSeals } from "../db/audit-seal.ts";
import { CONTROL, controlDatabase, type Database, homeOf } from "../db/database.ts";
import { type Api } from "../http/api.ts";
import { json } from "../http/operation.ts";
import type { AppContext } from "../http/context.ts";
import { decodeCursor, encodeCursor } from "../http/cursor.ts";
import { id, instant, text, timestamp } from "../http/fields.ts";
import { cursorPageOf, cursorQuery, respondWithCursor } from "../http/cursor-page.ts";
import { lazy } from "../lazy.ts";

const chain = lazy(() =>
  z.literal("control").meta({
    description:
      "Only where a company's rows are in a database of their own: this one is about keys and issuers, with sequences of its own.",
  }),
);

const eventSchema = lazy(() =>
  z
    .object({
      id: id(),
      company_id: id(),
      sequence: z
        .int()
        .meta({ description: "1, 2, 3 … within the company, in the order in which rows were written; gap-free." }),
      created_at: timestamp(),
      actor_type: z.enum(["user", "lead", "system"]),
      actor_id: z.string(),
      api_key_id: id().nullable().meta({ description: "The API key that was used, if one was." }),
      action: z.string().meta({ example: "agent.delete" }),
      target_type: z.string().meta({ example: "agent" }),
      target_id: z.string(),
      request_id: z.string().nullable(),
      details: z.record(z.string(), z.unknown()),
      chain: chain().optional(),
    })
    .meta({ id: "AuditEvent" }),
);

const hash = lazy(() =>
  z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .meta({ description: "SHA-256, hexadecimal." }),
);

const sealSchema = lazy(() =>
  z
    .object({
      id: id(),
      first_sequence: z.int(),
      last_sequence: z.int(),
      rows: z.int(),
      hash: hash(),
      previous_hash: hash().nullable().meta({ description: "null for the first." }),
      sealed_at: timestamp(),
      signature: z.string().meta({ description: "Detached JWS (EdDSA) over the JCS of the other members." }),
      chain: chain().optional(),
    })
    .meta({ id: "AuditSeal" }),
);

const checkSchema = lazy(() =>
  z
    .object({
      valid: z.boolean(),
      rows: z.int().meta({ description: "Rows that were checked." }),
      seals: z.int(),
      head: hash()
        .nullable()
        .meta({ description: "Hash of the last seal. Keep it where the service cannot reach it." }),
      broken_at: z
        .int()
        .nullable()
        .meta({ description: "The first sequence that does not hold; 0 where a row is outside of the order." }),
      next_cursor: z.string().nullable().meta({ description: "Where a long trail goes on; null at its end." }),
    })
    .meta({ id: "AuditCheck" }),
);

const listQuery = lazy(() =>
  cursorQuery({
    action: text(100, 1).optional(),
    target_type: text(100, 1).optional(),
    target_id: text(100, 1).optional(),
    actor_id: text(100, 1).optional(),
    created_after: instant().optional(),
    created_before: instant().optional(),
  }),
);

const verifyQuery = lazy(() =>
  z.strictObject({ cursor: z.string().optional().meta({ description: "`next_cursor` of the call before." }) }),
);

/** Stretches of open rows that one check seals before it begins. */
const SEALED_AT_ONCE = 20;

export function auditRoutes(api: Api): void {
  const common = { method: "get", tag: "Audit", audience: "staff", scope: "admin" } as const;

  api.route(
    {
      ...common,
      path: "/audit",
      summary: "List audit events",
      description:
        "Newest first. Events name what was changed and by whom, never what it said. Where several filters meet, a page may be short and yet not the last.",
      query: listQuery,
      responses: () => ({ 200: json("A page of events.", cursorPageOf("audit_events", eventSchema())) }),
    },
    async ({ c, db, caller, query }) => {
      const chains = await chainsOf(c, db, caller.company_id);
      const { per_page: _perPage, cursor: _cursor, ...filter } = query;
      return respondWithCursor({
        c,
        caller,
        name: "audit_events",
        query,
        filter,
        read: (after, limit) => listAudit(chains, caller.company_id, filter, after as AuditPlace | null, limit),
        view: ({ chain: n, ...row }) => ({ ...eventView(row), ...labelOf(n) }),
      });
    },
  );

  api.route(
    {
      ...common,
      path: "/audit/seals",
      summary: "List the seals of the audit trail",
      description:
        "In the order of the rows. `hash` is SHA-256 over `previous_hash` and the JCS (RFC 8785) of the array of rows as `GET /audit` shows them, in order. Rows are sealed within an hour. `scripts/verify-audit.mjs` of the repository checks an exported trail without the service.",
      query: () => cursorQuery({}, 100),
      responses: () => ({ 200: json("A page of seals.", cursorPageOf("seals", sealSchema())) }),
    },
    async ({ c, db, caller, query }) => {
      const chains = await chainsOf(c, db, caller.company_id);
      return respondWithCursor({
        c,
        caller,
        name: "seals",
        query,
        filter: null,
        read: async (key, limit) => {
          const [n, after] = [Number(key?.[0] ?? 0), Number(key?.[1] ?? 0)];
          const found = await listSeals(chains[n] ?? db, caller.company_id, after, limit + 1);
          const rows = found.slice(0, limit).map((seal) => ({ seal, chain: n }));
          const last = rows.at(-1);
          if (found.length > limit && last) return { rows, next: [n, last.seal.first_sequence] };
          return { rows, next: n + 1 < chains.length ? [n + 1, 0] : null };
        },
        view: ({ seal, chain: n }) => ({ ...sealView(seal), ...labelOf(n) }),
      });
    },
  );

  api.route(
    {
      ...common,
      path: "/audit/verify",
      summary: "Check the audit trail",
      description:
        "Seals what is open, then checks rows, seals and signatures, some ten thousand rows a call: a longer trail goes on with `next_cursor`.",
      query: verifyQuery,
      responses: () => ({ 200: json("What was found.", checkSchema()) }),
    },
    async ({ c, db, caller: { company_id }, query }) => {
      const config = c.get("config");
      const chains = await chainsOf(c, db, company_id);
      const binding = `audit-verify ${company_id}`;
      const start = query.cursor === undefined ? null : await decodeCursor(config, binding, query.cursor);
      const [n = 0, after = 0, before = ""] = start?.key ?? [];
      const chain = chains[Number(n)] ?? db;
      if (after === 0) await sealCompany(chain, config, company_id, SEALED_AT_ONCE);
      const from = { after: Number(after), hash: before === "" ? null : String(before) };
      const { rows, seals, head, broken_at, next } = await checkTrail(chain, config, company_id, from);
      const other = broken_at === null && Number(n) + 1 < chains.length ? [Number(n) + 1, 0, ""] : null;
      const key = next ? [n, next.after, next.hash ?? ""] : other;
      const next_cursor = key && (await encodeCursor(config, binding, { key, page: 0 }));
      return c.json({ valid: broken_at === null, rows, seals, head, broken_at, next_cursor });
    },
  );
}

/**
 * Where a company's changes are audited: beside its rows, and for keys and issuers in the control database. Each has numbers
 * and seals of its own.
 */
export async function chainsOf(c: AppContext, own: Database, company_id: string): Promise<Database[]> {
  const { name } = await homeOf(c.env, company_id);
  return name === CONTROL ? [own] : [own, controlDatabase(c.env)];
}

const labelOf = (chain: number) => (chain === 0 ? {} : { chain: "control" });
