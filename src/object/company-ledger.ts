/** The ledger of a conversation's company, as its turns ask it. */
import { type Ask, NOTHING, type Spender, type Spent, type Verdict } from "../chat/budget.ts";
import type { Ledger } from "../chat/engine/reservation.ts";
import { within } from "../chat/within.ts";
import type { Env } from "../env.ts";

/** Milliseconds that the ledger has to answer, and that anybody waits for what was settled. */
const PATIENCE = 5_000;
const SETTLED = 1_000;

export class CompanyLedger implements Ledger {
  readonly #env: Env;
  readonly #spender: () => Spender & { company_id: string };
  readonly #log: (event: object) => void;
  readonly #settling = new Set<Promise<void>>();
  /** Of whom something was reserved: it is settled also when the conversation is gone meanwhile. */
  #company_id = "";

  constructor(env: Env, spender: () => Spender & { company_id: string }, log: (event: object) => void) {
    this.#env = env;
    this.#spender = spender;
    this.#log = log;
  }

  /** Asked once more where the first call broke off: the same key reserves once. */
  async reserve(ask: Omit<Ask, "spender">): Promise<Verdict> {
    const { company_id, agent_id, entity_type, entity_id } = this.#spender();
    this.#company_id = company_id;
    const whole = { ...ask, spender: { agent_id, entity_type, entity_id } };
    const askLedger = async (): Promise<Verdict> => this.#of(company_id).reserve(whole);
    const reserve = () => within(askLedger(), PATIENCE);
    try {
      return await reserve().catch(reserve);
    } catch (error) {
      this.#log({ event: "ledger_unavailable", company_id, error: String(error) });
      // It may have reserved, and only its answer was lost.
      this.settle(ask.key, NOTHING);
      return { ok: false, denial: null };
    }
  }

  /** Of what does not arrive the ledger counts what was reserved. */
  settle(key: string, spent: Spent): void {
    const company_id = this.#company_id;
    const settle = () => within(this.#of(company_id).settle(key, spent), PATIENCE);
    const settling = settle()
      .catch(settle)
      .catch((error: unknown) => this.#log({ event: "not_settled", company_id, key, error: String(error) }))
      .finally(() => this.#settling.delete(settling));
    this.#settling.add(settling);
  }

  /** Resolves when what was settled has arrived, or after a moment. */
  async settled(): Promise<void> {
    if (this.#settling.size > 0) await within(Promise.all(this.#settling), SETTLED).catch(() => undefined);
  }

  #of = (company_id: string) => this.#env.BUDGET.getByName(company_id);
}
