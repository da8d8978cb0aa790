/**
 * Every list, as its queries are really issued over HTTP: each walks the index that was made for it, sorts nothing, scans
 * nothing, and a page of a large company reads as many rows as a page of a small one.
 */
import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import app, { api } from "../../src/app.ts";
import { type Cost, metered } from "../../bench/metered-database.ts";
import { type Company, makeCompany } from "./company.ts";

/** Sends a request to the Worker and tells what it asked of D1. */
async function asked(company: Company, path: string): Promise<{ body: any; trips: number; costs: Cost[] }> {
  let trips = 0;
  const costs: Cost[] = [];
  const DB = metered(env.DB, (meter) => {
    trips += meter.trips;
    costs.push(...meter.costs);
  });
  const ctx = createExecutionContext();
  const request = new Request(new URL(path, "http://api.test"), { headers: company.admin_user });
  const response = await app.fetch(request, { ...env, DB }, ctx);
  const body = (await response.json()) as any;
  await waitOnExecutionContext(ctx);
  if (response.status !== 200) throw new Error(`${path}: ${response.status} ${JSON.stringify(body)}`);
  return { body, trips, costs };
}

const rowsRead = (costs: Cost[]) => costs.reduce((sum, cost) => sum + cost.rows_read, 0);

/** What SQLite says it does for a query, a line each. */
async function planOf({ sql, params }: Cost): Promise<string[]> {
  const { results } = await env.DB.prepare(`EXPLAIN QUERY PLAN ${sql}`)
    .bind(...params)
    .all<{ detail: string }>();
  return results.map((row) => row.detail);
}

/** Scans that are none: one row, a list of values, a query's own few rows. */
const HARMLESS = /^SCAN (?:CONSTANT ROW|place\b|\(subquery|\w+ VIRTUAL TABLE)/;

/** What the index of unread conversations leaves to sort: those of one hour. */
const WITHIN_HOUR = /TEMP B-TREE FOR LAST 2 TERMS OF ORDER BY/;

const LARGE = 2_000;
const SMALL = 50;
/** Of each kind of conversation so many are in a rare state. */
const RARE = 16;
/** Of a long list all have this many. */
const MESSAGES = 600;

type Sized = Company & { conversation_id: string };

/** `n` as the end of an id, so that ids sort as their numbers do. */
const idSql = (prefix: string) => `printf('${prefix}-%012x', i)`;
let companies = 0;

/** A company of a size: conversations in every state, deleted messages, leads, users, agents and audit events. */
async function makeSized(size: number): Promise<Sized> {
  const company = await makeCompany();
  const { company_id, agent_id, user_id } = company;
  const mark = (kind: number) => `019a${(++companies * 16 + kind).toString(16).padStart(4, "0")}-0000-7000-8000`;
  const upTo = (n: number) => `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${n})`;
  const run = (sql: string, ...values: unknown[]) => env.DB.prepare(sql).bind(...values);
  const conversationPrefix = mark(1);
  const conversation_id = `${conversationPrefix}-000000000001`;
  const conversations = (prefix: string, type: string, entity_id: string, status: string, deleted: boolean) =>
    run(
      `${upTo(size)} INSERT INTO conversation (id, company_id, agent_id, entity_type, entity_id, title, title_folded, metadata,
         status, max_context_length, activity_at, created_at, updated_at, deleted_at, deleted_by)
       SELECT ${idSql(prefix)}, ?1, ?2, ?3, ?4, 'Title ' || i, 'title ' || i, '{"n":' || i || '}', ?5, 20,
         1000 + i, 1000 + i, 1000 + i, ${deleted ? "5000 + i, ?4" : "NULL, NULL"} FROM n`,
      ...[company_id, agent_id, type, entity_id, status],
    );
  await env.DB.batch([
    conversations(conversationPrefix, "user", user_id, "active", false),
    conversations(mark(2), "user", user_id, "archived", false),
    conversations(mark(3), "lead", user_id, "active", false),
    conversations(mark(4), "user", user_id, "active", true),
    // Some of the oldest in states that are rare.
    run(
      `UPDATE conversation SET handled_by = iif(i % 2, 'staff', 'agent'), waiting_since = iif(i % 2, NULL, 1), unread_hour = 0
       FROM (SELECT id AS rare, activity_at - 1000 AS i FROM conversation WHERE company_id = ?) WHERE id = rare AND i <= ${RARE}`,
      company_id,
    ),
    run(
      `${upTo(MESSAGES)} INSERT INTO message (id, company_id, conversation_id, agent_id, turn_id, sequence, role, content,
         status, metadata, created_at, deleted_at)
       SELECT ${idSql(mark(5))}, ?1, ?2, ?3, ${idSql(mark(6))}, i, iif(i % 2, 'user', 'assistant'), 'm' || i, 'complete',
         '{}', 1000 + i, iif(i % 10, NULL, 9000 + i) FROM n`,
      ...[company_id, conversation_id, agent_id],
    ),
    run("UPDATE conversation SET message_count = ? WHERE id = ?", MESSAGES * 0.9, conversation_id),
    run(
      `${upTo(size)} INSERT INTO lead (id, company_id, agent_id, first_name, first_name_folded, created_at, updated_at)
       SELECT ${idSql(mark(7))}, ?1, ?2, 'Name', 'name', 1000 + i, 1000 + i FROM n`,
      ...[company_id, agent_id],
    ),
    run(
      `${upTo(size)} INSERT INTO audit_seal (id, company_id, first_sequence, last_sequence, rows, hash, sealed_at, signature)
       SELECT ${idSql(mark(11))}, ?1, i, i, 1, 'h', 1, 's' FROM n`,
      company_id,
    ),
    run(
      `${upTo(size)} INSERT INTO erasure (id, company_id, kind, target_id, status, subject_hash, requested_by, began_at, stores)
       SELECT ${idSql(mark(12))}, ?1, 'lead', 't' || i, 'done', 'h', 'u', 1, '{}' FROM n`,
      company_id,
    ),
    run(
      `${upTo(size)} INSERT INTO user (id, company_id, subject, created_at) SELECT ${idSql(mark(10))}, ?1, 'u' || i, 1 FROM n`,
      company_id,
    ),
    run(
      `${upTo(size)} INSERT INTO agent (id, company_id, name, model, knowledge, allowed_origins, settings, metadata,
         created_at, updated_at) SELECT ${idSql(mark(8))}, ?1, 'Agent ' || i, 'builtin/faq', '[]', '[]', '{}', '{}', 1, 1 FROM n`,
      company_id,
    ),
    run(
      `${upTo(size)} INSERT INTO audit_event (id, company_id, at, actor_type, actor_id, action, target_type, target_id,
         details) SELECT ${idSql(mark(9))}, ?1, 1000 + i, 'user', ?2, 'agent.update', 'agent', iif(i > 5, 'other', ?3), '{}' FROM n`,
      ...[company_id, user_id, agent_id],
    ),
    run(
      `${upTo(size)} INSERT INTO webhook_delivery (id, company_id, webhook_id, event_id, type, status, created_at)
       SELECT ${idSql(mark(13))}, ?1, ?2, ?1 || i, 'turn.completed', 'delivered', 1 FROM n`,
      ...[company_id, conversation_id],
    ),
    // Last, because where there is a webhook, rows that are written are events.
    run(
      `INSERT INTO webhook (id, company_id, url, secret_ciphertext, created_at, updated_at) VALUES (?2, ?1, 'https://example.com', '', 1, 1)`,
      ...[company_id, conversation_id],
    ),
  ]);
  return { ...company, conversation_id };
}

type List = {
  /** The route's template. */
  route: string;
  query?: string;
  /** The index that the page comes from. */
  index: string;
  /** The member with the rows. */
  name: string;
  /** False where what matches has to be looked for row by row. */
  constant?: boolean;
  /** Without page numbers and totals. */
  walked?: boolean;
};

const LISTS: List[] = [
  { route: "/conversation", index: "conversation_company", name: "conversations" },
  { route: "/conversation", query: "status=active", index: "conversation_company", name: "conversations" },
  { route: "/conversation", query: "status=archived", index: "conversation_company", name: "conversations" },
  { route: "/conversation", query: "entity_type=lead", index: "conversation_company", name: "conversations" },
  { route: "/conversation", query: "agent_id={agent}", index: "conversation_agent", name: "conversations" },
  { route: "/conversation", query: "handled_by=agent", index: "conversation_company", name: "conversations" },
  { route: "/conversation", query: "waiting=false", index: "conversation_company", name: "conversations" },
  { route: "/conversation", query: "unread=true", index: "conversation_unread", name: "conversations" },
  {
    route: "/conversation",
    query: "unread=true&entity_type=lead&status=active&handled_by=agent",
    index: "conversation_unread",
    name: "conversations",
  },
  { route: "/conversation", query: "unread=true&waiting=true", index: "conversation_waiting", name: "conversations" },
  { route: "/conversation", query: "handled_by=staff", index: "conversation_staff", name: "conversations" },
  { route: "/conversation", query: "waiting=true", index: "conversation_waiting", name: "conversations" },
  {
    route: "/conversation",
    query: "waiting=true&agent_id={agent}&status=active",
    index: "conversation_waiting",
    name: "conversations",
  },
  { route: "/conversation/entity", index: "conversation_entity", name: "conversations" },
  { route: "/conversation/entity/{entity_id}", index: "conversation_entity", name: "conversations" },
  {
    route: "/conversation/entity/{entity_id}",
    query: "status=archived",
    index: "conversation_entity",
    name: "conversations",
  },
  { route: "/conversation/agent/{agent_id}", index: "conversation_agent", name: "conversations" },
  {
    route: "/conversation/agent/{agent_id}",
    query: "entity_type=user&status=active",
    index: "conversation_agent",
    name: "conversations",
  },
  { route: "/conversation/deleted", index: "conversation_deleted", name: "conversations" },
  { route: "/message/deleted", index: "message_deleted", name: "messages" },
  {
    route: "/message/deleted",
    query: "conversation_id={conversation}",
    index: "message_deleted_in",
    name: "messages",
  },
  { route: "/agent", index: "agent_company", name: "agents" },
  { route: "/lead/company", index: "lead_company", name: "leads" },
  { route: "/lead/company", query: "agent_id={agent}", index: "lead_agent", name: "leads" },
  { route: "/sdk/lead/company", index: "lead_company", name: "leads" },
  { route: "/audit", index: "audit_company", name: "audit_events", walked: true },
  { route: "/audit", query: "target_id={agent}", index: "audit_target", name: "audit_events", walked: true },
  { route: "/audit", query: "actor_id={user}", index: "audit_actor", name: "audit_events", walked: true },
  { route: "/audit", query: "action=agent.update", index: "audit_action", name: "audit_events", walked: true },
  {
    route: "/audit",
    query: "created_after=1970-01-01&created_before=2030-01-01",
    index: "audit_company",
    name: "audit_events",
    walked: true,
  },
  { route: "/audit/seals", index: "audit_seal_first", name: "seals", walked: true },
  { route: "/erasure", index: "erasure_company", name: "erasures", walked: true },
  { route: "/budget", index: "budget_company", name: "budgets" },
  { route: "/webhook", index: "webhook_company", name: "webhooks" },
  { route: "/webhook/{id}/deliveries", index: "webhook_delivery_webhook", name: "deliveries", walked: true },
  { route: "/user", index: "user_company", name: "users" },
  { route: "/auth/api-keys", index: "api_key_company", name: "api_keys" },
  { route: "/auth/issuer", index: "issuer_company", name: "issuers" },
  { route: "/model-provider", index: "sqlite_autoindex_model_provider_1", name: "model_providers" },
  {
    route: "/conversation",
    query: "search=title",
    index: "conversation_company",
    name: "conversations",
    constant: false,
  },
  {
    route: "/conversation",
    query: "metadata[n]=7",
    index: "conversation_company",
    name: "conversations",
    constant: false,
  },
  {
    route: "/conversation",
    query: "created_after=1970-01-01&created_before=2030-01-01",
    index: "conversation_company",
    name: "conversations",
    constant: false,
  },
  { route: "/lead/company", query: "search=name", index: "lead_company", name: "leads", constant: false },
];

const titleOf = ({ route, query = "" }: List) => `${route}?${query}`;

function pathOf({ route, query = "" }: List, company: Sized, more: string): string {
  const filled = route
    .replace("{agent_id}", company.agent_id)
    .replace("{entity_id}", company.user_id)
    .replace("{id}", company.conversation_id);
  return `/v1${filled}?${[query.replace("{agent}", company.agent_id).replace("{user}", company.user_id).replace("{conversation}", company.conversation_id), more].filter(Boolean).join("&")}`;
}

let small: Sized;
let large: Sized;
beforeAll(async () => {
  small = await makeSized(SMALL);
  large = await makeSized(LARGE);
});

test("every route that pages is looked at here", () => {
  const paged = api.specs.flatMap((spec) => {
    if (spec.method !== "get") return [];
    const query = spec.query?.() as { shape?: object } | undefined;
    // History, notes and handling are the object's to read: see test/node/journal.test.ts.
    // What a search reads is held in message-search.test.ts: its pages have other databases, and no index of their order.
    const isListed = !/\{id\}\/(messages|notes|handling)$|^\/message\/search$/.test(spec.path);
    return isListed && query?.shape && "per_page" in query.shape ? [spec.path] : [];
  });
  expect(new Set(LISTS.map((list) => list.route))).toEqual(new Set(paged));
});

describe("plans", () => {
  test.each(LISTS.map((list) => [titleOf(list), list] as const))("%s", async (_, list) => {
    const first = await asked(large, pathOf(list, large, "per_page=7"));
    const { next_cursor } = first.body.pagination;
    const pages = [first];
    if (!list.walked) pages.push(await asked(large, pathOf(list, large, "per_page=7&page=3")));
    if (next_cursor) pages.push(await asked(large, pathOf(list, large, `per_page=7&cursor=${next_cursor}`)));
    for (const { costs } of pages) {
      const plans = await Promise.all(costs.map(planOf));
      expect(plans.flat().join("\n")).toContain(`INDEX ${list.index} (`);
      expect(plans.flat().filter((line) => line.includes("TEMP B-TREE") && !WITHIN_HOUR.test(line))).toEqual([]);
      expect(plans.flat().filter((line) => line.startsWith("SCAN ") && !HARMLESS.test(line))).toEqual([]);
    }
  });
});

describe("rows read do not grow with the company", () => {
  const constant = LISTS.filter((list) => list.constant !== false);
  test.each(constant.map((list) => [titleOf(list), list] as const))("%s", async (_, list) => {
    const [few, many] = [
      await asked(small, pathOf(list, small, "per_page=5")),
      await asked(large, pathOf(list, large, "per_page=5")),
    ];
    expect(many.body[list.name].length).toBe(few.body[list.name].length);
    // A range that is followed by another company's reads one row beyond itself.
    expect(Math.abs(rowsRead(many.costs) - rowsRead(few.costs))).toBeLessThanOrEqual(1);
    // The one query beside the page's own batch looks up the agent, the entity or the webhook that a route names.
    expect(many.trips).toBe(/\{(agent|entity)_id\}|webhook\/\{id\}/.test(list.route) ? 2 : 1);
    const { next_cursor } = many.body.pagination;
    if (next_cursor === null) return;
    const deeper = await asked(large, pathOf(list, large, `per_page=5&cursor=${next_cursor}`));
    // Behind a cursor each range that is merged may begin with one row more, and a page may step over what is deleted.
    expect(rowsRead(deeper.costs)).toBeLessThanOrEqual(rowsRead(many.costs) + 5);
  });
});

test("what is unread is read by the hour, however much there is, and comes newest first", async () => {
  const company = await makeSized(LARGE);
  const { company_id } = company;
  // Ten in each hour, and those of users between those of leads.
  const spread = `UPDATE conversation SET activity_at = CAST(n * 360000 AS INTEGER), unread_hour = CAST(n / 10 AS INTEGER)
    FROM (SELECT id AS one, row_number() OVER (ORDER BY activity_at, id) AS n FROM conversation WHERE company_id = ?1)
    WHERE id = one`;
  await env.DB.prepare(spread).bind(company_id).run();
  const ids: string[] = [];
  const costs: number[] = [];
  for (let path = "/v1/conversation?unread=true&per_page=100"; ids.length < 1000;) {
    const page = await asked(company, path);
    costs.push(rowsRead(page.costs));
    ids.push(...page.body.conversations.map((row: { id: string }) => row.id));
    path = `/v1/conversation?unread=true&per_page=100&cursor=${page.body.pagination.next_cursor}`;
  }
  const newest = `SELECT id FROM conversation WHERE company_id = ?1 AND deleted_at IS NULL ORDER BY activity_at DESC, id DESC LIMIT ?2`;
  const { results } = await env.DB.prepare(newest).bind(company_id, ids.length).all<{ id: string }>();
  expect(ids).toEqual(results.map((row) => row.id));
  // The row and its place in the index; an hour more of each of the four ranges may be sorted.
  for (const cost of costs) expect(cost).toBeLessThan(2 * (100 + 4 * 10) + 30);
  // Those that staff has are counted by an index of their own.
  const byAgent = await asked(company, "/v1/conversation?unread=true&handled_by=agent&per_page=5");
  expect(rowsRead(byAgent.costs)).toBeLessThan(2 * (5 + 4 * 10) + 4 * RARE + 30);
});

describe("pages by number", () => {
  const numbered = LISTS.filter(
    (list) => !list.walked && !/api-keys|issuer|model-provider|metadata/.test(titleOf(list)),
  );
  test.each(numbered.map((list) => [titleOf(list), list] as const))(
    "%s: the same rows as by cursor",
    async (_, list) => {
      const seen: string[][] = [];
      for (let cursor: string | null = null; seen.length < 5;) {
        const { body }: { body: any } = await asked(
          small,
          pathOf(list, small, `per_page=9${cursor ? `&cursor=${cursor}` : ""}`),
        );
        seen.push(body[list.name].map((row: { id: string }) => row.id));
        cursor = body.pagination.next_cursor;
        if (cursor === null) break;
      }
      expect(new Set(seen.flat()).size).toBe(seen.flat().length);
      for (const [index, ids] of seen.entries()) {
        const { body } = await asked(small, pathOf(list, small, `per_page=9&page=${index + 1}`));
        expect(body[list.name].map((row: { id: string }) => row.id)).toEqual(ids);
      }
      const beyond = await asked(small, pathOf(list, small, "per_page=9&page=900"));
      expect(beyond.body[list.name]).toEqual([]);
    },
  );

  test("a late one reads the index, once, and rows only for itself", async () => {
    const page = LARGE / 10;
    for (const list of LISTS.filter(
      ({ route, query }) => route === "/conversation/deleted" || (route === "/lead/company" && !query),
    )) {
      const { costs } = await asked(large, pathOf(list, large, `per_page=10&page=${page}`));
      expect(rowsRead(costs)).toBeLessThan(LARGE + 100);
    }
    const { costs } = await asked(large, `/v1/conversation?per_page=10&page=${page}`);
    expect(rowsRead(costs)).toBeLessThan(LARGE + 100);
  });

  test("of a history one reads only itself and what is deleted", async () => {
    const { conversation_id } = large;
    for (const order of ["asc", "desc"]) {
      const first = await asked(large, `/v1/conversation/${conversation_id}/messages?per_page=10&order=${order}`);
      const late = await asked(
        large,
        `/v1/conversation/${conversation_id}/messages?per_page=10&page=50&order=${order}`,
      );
      expect(late.body.messages).toHaveLength(10);
      expect(rowsRead(late.costs)).toBeLessThan(rowsRead(first.costs) + MESSAGES / 4);
    }
  });
});

test("totals say what counting would", async () => {
  for (const list of LISTS.filter(({ walked }) => !walked)) {
    const { body } = await asked(small, pathOf(list, small, "per_page=100"));
    let counted = 0;
    for (let cursor: string | null = null; ;) {
      const { body: page }: { body: any } = await asked(
        small,
        pathOf(list, small, `per_page=100${cursor ? `&cursor=${cursor}` : ""}`),
      );
      counted += page[list.name].length;
      cursor = page.pagination.next_cursor;
      if (cursor === null) break;
    }
    expect([titleOf(list), body.pagination.total]).toEqual([titleOf(list), counted]);
  }
});
