/** The room that the calls of a model for one reply have in the company's budgets, one call after another. */
import { inputOf, type Usage } from "../usage.ts";
import type { ModelRequest } from "../ports.ts";
import { type Ledger, mostOf, type Reservation, reserve } from "./reservation.ts";
import type { Link, TurnAgent } from "./turn-agent.ts";

export type RoomPorts = { ledger?: Ledger; clock: () => number };

export class Room {
  readonly #ports: RoomPorts;
  readonly #agent: TurnAgent;
  readonly #link: Link;
  readonly #request: ModelRequest;
  #reservation: Reservation | null = null;
  /** The reservation is for a call that has not begun. */
  #isUnused = true;
  #isOver = false;

  constructor(ports: RoomPorts, agent: TurnAgent, link: Link, request: ModelRequest) {
    this.#ports = ports;
    this.#agent = agent;
    this.#link = link;
    this.#request = request;
  }

  /**
   * Reserves for the first call, by what the turn was admitted with if that is enough; the request asks for each further one.
   * `last` is what the call before it took. Throws NoRoom.
   */
  async open(carried: Reservation | null, last: () => Usage | null): Promise<void> {
    const base = mostOf(this.#request, this.#agent);
    if (carried?.covers(this.#link, base, this.#ports.clock())) this.#reservation = carried;
    else await this.#reserve(base, carried);
    if (!this.#reservation) return;
    this.#request.admit = async (grown) => {
      const took = this.#isUnused ? null : last();
      if (took) this.#reservation?.settle(took);
      const unused = this.#isUnused ? this.#reservation : null;
      if (!unused || unused.input < base + grown) await this.#reserve(base + grown, unused);
      this.#isUnused = false;
      return this.#reservation?.output ?? null;
    };
  }

  /** The last call is over: it took this much, or what it was sent where nobody knows, or nothing where it `isRefused`. */
  close(took: Usage | null, isRefused: boolean): void {
    this.#isOver = true;
    if (!took && isRefused) this.#reservation?.release();
    else this.#reservation?.settle(took ?? inputOf(this.#request));
    this.#reservation = null;
  }

  async #reserve(input: number, former: Reservation | null): Promise<void> {
    const { ledger, clock } = this.#ports;
    this.#reservation = null;
    const reservation = await reserve(ledger, this.#agent, this.#link, input, clock(), { former });
    // Stopped meanwhile: nothing will be called.
    if (this.#isOver) reservation?.release();
    else this.#reservation = reservation;
  }
}
