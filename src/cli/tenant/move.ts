/**
 * Moves a company's rows from one D1 database to another without losing any: they are copied while none of them can change.
 *
 * 1. Fence: a row in `departed` makes triggers of the old database refuse every write of the company. Requests that write
 *    get a 503, turns wait in the journals of their objects, reads go on.
 * 2. Copy: everything is copied and compared.
 * 3. Switch: company.database names the new database, which is fenced too until no isolate has the old one in its cache
 *    (DIRECTORY_TTL). Until then both databases have the same rows, so nobody reads anything stale.
 * 4. Open: the new database accepts writes, and the objects send what they hold. The rows in the old one are deleted.
 *
 * A move that is cut off continues when the command is repeated. Before step 3, naming the old database cancels it. API keys,
 * issuers, and all audit rows of the control database stay there: audit rows cannot be deleted. The triggers are created at the
 * first move and not by a migration: a single database needs none, and the control database must still accept audit rows.
 */
import { CONTROL, DIRECTORY_TTL, type Home } from "../../db/database.ts";
import { clear, copyAll, hasMigrationsOf } from "./rows.ts";

/** The stages of a move, and what each means. */
export const STAGES = {
  begun: "Begun. Cut off from here on, the same command goes on.",
  fenced: "The old database takes nothing more: requests of the company that write are answered 503, turns are kept.",
  copied: "Everything is copied and has been compared.",
  switched: "The new database is the company's. It opens when everybody knows that, in 35 seconds.",
  open: "Writes are taken again. The old rows are removed in a minute, when nobody reads them any more.",
  removed: "The old rows are removed. The move is finished.",
  cancelled: "Cancelled: the company is where it was.",
} as const;
export type Stage = keyof typeof STAGES;

export type Ports = {
  control: D1Database;
  /** The database of a binding; undefined when there is none of that name. */
  home: (name: string) => Home | undefined;
  sleep: (ms: number) => Promise<void>;
  report: (stage: Stage) => Promise<void> | void;
  now: () => number;
  newId: () => string;
};

/** The reason why a move was not started. */
export class MoveRefused extends Error {}

/** Milliseconds to wait in addition to DIRECTORY_TTL. */
const MARGIN = 5_000;
/** Milliseconds for which requests that began before the switch may still read the old rows. */
const DRAIN = 60_000;

type Row = { database: string; moving_from: string | null; moving_to: string | null };

/** Moves the company to the database of binding `to`, or continues an earlier move there. Throws MoveRefused. */
export async function moveCompany(ports: Ports, company_id: string, to: string): Promise<void> {
  const row = await ports.control
    .prepare("SELECT database, moving_from, moving_to FROM company WHERE id = ?")
    .bind(company_id)
    .first<Row>();
  if (!row) throw new MoveRefused("There is no such company.");
  if (row.moving_to === null) {
    if (row.database === to) throw new MoveRefused(`The company is in ${to} already.`);
    await begin(ports, company_id, row.database, to);
    return bring(ports, company_id, named(ports, row.database), named(ports, to));
  }
  const from = named(ports, row.moving_from ?? "");
  if (to === row.moving_from && row.database === to)
    return cancel(ports, company_id, from, named(ports, row.moving_to));
  if (to !== row.moving_to) {
    throw new MoveRefused(`The company is on its way from ${from.name} to ${row.moving_to}: finish that first.`);
  }
  const target = named(ports, to);
  return row.database === to ? settle(ports, company_id, from, target) : bring(ports, company_id, from, target);
}

function named(ports: Ports, name: string): Home {
  const home = ports.home(name);
  if (!home) throw new MoveRefused(`No database is bound as ${name}.`);
  return home;
}

async function begin(ports: Ports, company_id: string, from: string, to: string): Promise<void> {
  if (!(await hasMigrationsOf(named(ports, from).d1, named(ports, to).d1))) {
    throw new MoveRefused(`${to} has not the tables of ${from} yet: apply the migrations first.`);
  }
  // An earlier move that was cancelled may have left rows there.
  await admit(named(ports, to).d1, company_id);
  await clear(named(ports, to).d1, company_id);
  const { meta } = await ports.control
    .prepare("UPDATE company SET moving_from = ?, moving_to = ? WHERE id = ? AND database = ? AND moving_to IS NULL")
    .bind(from, to, company_id, from)
    .run();
  if (meta.changes !== 1) throw new MoveRefused("The company has just been moved by somebody else.");
  await ports.report("begun");
}

/** Steps 1 to 3. */
async function bring(ports: Ports, company_id: string, from: Home, to: Home): Promise<void> {
  await fence(from, company_id, ports.now());
  await ports.report("fenced");
  await copyAll(from, to, company_id);
  await ports.report("copied");
  await fence(to, company_id, ports.now());
  await point(ports, company_id, from, to);
  await ports.report("switched");
  await settle(ports, company_id, from, to);
}

/** Step 4. */
async function settle(ports: Ports, company_id: string, from: Home, to: Home): Promise<void> {
  await ports.sleep(DIRECTORY_TTL + MARGIN);
  await admit(to.d1, company_id);
  await ports.report("open");
  await ports.sleep(DRAIN);
  await clear(from.d1, company_id);
  await arrived(ports, company_id);
  await ports.report("removed");
}

async function cancel(ports: Ports, company_id: string, from: Home, to: Home): Promise<void> {
  await admit(from.d1, company_id);
  await clear(to.d1, company_id);
  await arrived(ports, company_id);
  await ports.report("cancelled");
}

/** Switches company.database, with its audit row. */
async function point({ control, now, newId }: Ports, company_id: string, from: Home, to: Home): Promise<void> {
  const details = JSON.stringify({ from: from.name, to: to.name });
  await control.batch([
    control.prepare("UPDATE company SET database = ? WHERE id = ?").bind(to.name, company_id),
    control
      .prepare(
        `INSERT INTO audit_event (id, company_id, at, actor_type, actor_id, action, target_type, target_id, details)
         VALUES (?1, ?2, ?3, 'system', 'command-line', 'company.move', 'company', ?2, ?4)`,
      )
      .bind(newId(), company_id, now(), details),
  ]);
}

const arrived = ({ control }: Ports, company_id: string) =>
  control.prepare("UPDATE company SET moving_from = NULL, moving_to = NULL WHERE id = ?").bind(company_id).run();

/** Tables whose rows move with a company. Audit rows are fenced too, but not in the control database. */
export const FENCED = [
  ...["user", "lead", "agent", "model_provider", "model_price", "budget", "conversation", "message", "erasure"],
  ...["webhook", "webhook_event", "webhook_delivery"],
];

/** From now on this database refuses every insert and update of the company's rows. */
async function fence({ name, d1 }: Home, company_id: string, now: number): Promise<void> {
  const tables = name === CONTROL ? FENCED : [...FENCED, "audit_event", "audit_seal"];
  const triggers = tables.flatMap((table) =>
    ["INSERT", "UPDATE"].map((event) =>
      d1.prepare(
        `CREATE TRIGGER IF NOT EXISTS departed_${table}_${event.toLowerCase()} BEFORE ${event} ON "${table}"
         WHEN EXISTS (SELECT 1 FROM departed WHERE company_id = new.company_id) BEGIN
           SELECT RAISE(ABORT, 'the company is in another database');
         END`,
      ),
    ),
  );
  const mark = "INSERT INTO departed (company_id, at) VALUES (?, ?) ON CONFLICT DO NOTHING";
  await d1.batch([...triggers, d1.prepare(mark).bind(company_id, now)]);
}

/** This database accepts the company's rows again. */
const admit = (d1: D1Database, company_id: string) =>
  d1.prepare("DELETE FROM departed WHERE company_id = ?").bind(company_id).run();
