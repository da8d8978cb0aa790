/** Staff that has the conversation open and says so: for each other alone, and stored nowhere. */
import type { Person } from "../rpc.ts";

/** One reader that is there. It is sent everybody who is there at that moment, so that it misses nobody. */
export class Attendance {
  readonly person: Person;
  readonly leave: () => void;
  /** Everybody who is there, as JSON: as it was sent last, and as it is. */
  #last = "";
  #current = "";
  #wake = () => {};

  constructor(person: Person, leave: (attendance: Attendance) => void) {
    this.person = person;
    this.leave = () => leave(this);
  }

  set(staff: string): void {
    this.#current = staff;
    if (staff !== this.#last) this.#wake();
  }

  /** Everybody who is there, where this reader does not know it yet; else null. */
  take(): { staff: Person[] } | null {
    if (this.#current === this.#last) return null;
    this.#last = this.#current;
    return { staff: JSON.parse(this.#current) as Person[] };
  }

  /** Resolves when there is something to take, from now on. */
  get next(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}

export class Presence {
  readonly #open = new Set<Attendance>();

  enter(person: Person): Attendance {
    const attendance = new Attendance(person, (left) => {
      if (this.#open.delete(left)) this.#announce();
    });
    this.#open.add(attendance);
    this.#announce();
    return attendance;
  }

  /** Each person once, however many tabs they have, and in one order. */
  #announce(): void {
    const people = new Map([...this.#open].map(({ person }) => [person.entity_id, person]));
    const staff = JSON.stringify([...people.values()].toSorted((a, b) => (a.entity_id < b.entity_id ? -1 : 1)));
    for (const attendance of this.#open) attendance.set(staff);
  }
}
