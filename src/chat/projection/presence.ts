/** Staff that has the conversation open and says so: for each other alone, and stored nowhere. */
import type { Person } from "../rpc.ts";

/** One reader that is there. What it is to be told is the set as it is when it is told, so that none goes missing. */
export class Attendance {
  readonly person: Person;
  readonly leave: () => void;
  /** As JSON; what it was told last, and what is true now. */
  #told = "";
  #now = "";
  #wake = () => {};

  constructor(person: Person, leave: (attendance: Attendance) => void) {
    this.person = person;
    this.leave = () => leave(this);
  }

  set(staff: string): void {
    this.#now = staff;
    if (staff !== this.#told) this.#wake();
  }

  /** Everybody who is there, where this reader does not know it yet; else null. */
  take(): { staff: Person[] } | null {
    if (this.#now === this.#told) return null;
    this.#told = this.#now;
    return { staff: JSON.parse(this.#now) as Person[] };
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
      if (this.#open.delete(left)) this.#tell();
    });
    this.#open.add(attendance);
    this.#tell();
    return attendance;
  }

  /** Each person once, however many tabs they have, and in one order. */
  #tell(): void {
    const people = new Map([...this.#open].map(({ person }) => [person.entity_id, person]));
    const staff = JSON.stringify([...people.values()].toSorted((a, b) => (a.entity_id < b.entity_id ? -1 : 1)));
    for (const attendance of this.#open) attendance.set(staff);
  }
}
