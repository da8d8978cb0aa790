/**
 * Room in the company's budgets for one call of a model: asked for before the call, with the most that it can take, and
 * settled after it, with what it took.
 */
import { uuidv7 } from "uuidv7";
import { type Ask, type Denial, NOTHING, type Spent, spentOn, type Verdict } from "../budget.ts";
import { ModelFailure, type ModelRequest } from "../ports.ts";
import { mostInput, type Usage } from "../usage.ts";
import type { Link, TurnAgent } from "./turn-agent.ts";

/** The company's ledger, for the turns of one conversation. Neither rejects. */
export type Ledger = {
  reserve: (ask: Omit<Ask, "spender">) => Promise<Verdict>;
  /** Nobody waits for it. */
  settle: (key: string, spent: Spent) => void;
};

/**
 * Most output tokens of a call whose agent says nothing of them, and what is tried where a budget has no room for so many:
 * the model is asked for no more than was reserved.
 */
const OUTPUT = [4_096, 1_024, 256, 64];
/** Milliseconds that a reservation outlives its turn. */
const MARGIN = 60_000;

/** There is no room for a call. `denial` is null where the ledger cannot be asked. */
export class NoRoom extends ModelFailure {
  readonly denial: Denial | null;
  constructor(denial: Denial | null) {
    super(denial?.why ?? "unavailable", denial ? `a budget is ${denial.why}` : "the ledger did not answer");
    this.denial = denial;
  }
}

export class Reservation {
  readonly #ledger: Ledger;
  readonly #link: Link;
  readonly key: string;
  /** Tokens, at most. */
  readonly input: number;
  readonly output: number;
  readonly #expires_at: number;

  constructor(ledger: Ledger, link: Link, { key, expires_at }: Omit<Ask, "spender">, input: number, output: number) {
    this.#ledger = ledger;
    this.#link = link;
    this.key = key;
    this.input = input;
    this.output = output;
    this.#expires_at = expires_at;
  }

  /** Whether a call of this model with so many input tokens may begin. */
  covers(link: Link, input: number, now: number): boolean {
    return link.name === this.#link.name && input <= this.input && now + link.timeouts.wholeTurn < this.#expires_at;
  }

  /** The call is over, and took so much. */
  settle(usage: Usage): void {
    this.#ledger.settle(this.key, spentOn(this.#link.name, this.#link.price, usage));
  }

  /** There was no call. */
  release(): void {
    this.#ledger.settle(this.key, NOTHING);
  }
}

/** Most input tokens of a call. */
export const mostOf = (request: ModelRequest, agent: TurnAgent): number => mostInput(request) + 2 * agent.tools_tokens;

/** `former` is given back for the new one; `ahead`: turns that come before the call. */
type Standing = { former?: Reservation | null; ahead?: number };

/** Room for a call with at most `input` tokens; null where none is needed. Throws NoRoom. */
export async function reserve(
  ledger: Ledger | undefined,
  agent: TurnAgent,
  link: Link,
  input: number,
  now: number,
  { former = null, ahead = 0 }: Standing = {},
): Promise<Reservation | null> {
  if (!ledger || !agent.budgets || link.name === FREE) {
    former?.release();
    return null;
  }
  const outputs = agent.max_output_tokens === null ? OUTPUT : [agent.max_output_tokens];
  const ask = {
    key: former?.key ?? uuidv7(),
    expires_at: now + (2 + ahead) * longestTurn(agent) + MARGIN,
    choices: outputs.map((output_tokens) => spentOn(link.name, link.price, { input_tokens: input, output_tokens })),
  };
  const verdict = await ledger.reserve(ask);
  if (!verdict.ok) throw new NoRoom(verdict.denial);
  return new Reservation(ledger, link, ask, input, outputs[verdict.choice] ?? 0);
}

/** Milliseconds that a turn may take: each of the agent's models has its time. */
const longestTurn = ({ links }: TurnAgent) => links.reduce((sum, { timeouts }) => sum + timeouts.wholeTurn, 0);

/** Answers from memory: it takes nothing of any budget. */
const FREE = "builtin/faq";
