/** Which credentials have ended, for when the database cannot say so. */
import { expect, it } from "vitest";
import { namesOf } from "../../src/auth/principal.ts";
import { hasEnded, NOTHING_ENDED, withEnded } from "../../src/object/ended.ts";

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const NOW = 1_800_000_000_000;

it("what was checked before a name ended is over, what was checked a while after it is not", () => {
  const ended = withEnded(NOTHING_ENDED, ["api_key:k"], NOW);
  for (const [checked_at, is] of [
    [NOW - DAY, true],
    [NOW, true],
    [NOW + MINUTE - 1, true],
    [NOW + MINUTE, false],
  ] as const) {
    expect(hasEnded(ended, ["user:u", "api_key:k"], checked_at)).toBe(is);
    expect(hasEnded(ended, ["user:u", "api_key:other"], checked_at)).toBe(false);
  }
});

it("is forgotten once nobody remembers what was checked before it", () => {
  const first = withEnded(NOTHING_ENDED, ["a"], NOW);
  const later = withEnded(first, ["b"], NOW + DAY);
  expect(Object.keys(later.at)).toEqual(["a", "b"]);
  expect(Object.keys(withEnded(later, ["c"], NOW + DAY + 2 * MINUTE).at)).toEqual(["b", "c"]);
});

it("of too many, everything that was checked before counts as ended, and nothing grows", () => {
  let ended = NOTHING_ENDED;
  for (let n = 0; n < 2_000; n++) {
    ended = withEnded(ended, [`lead:${n}`], NOW + n);
    expect(Object.keys(ended.at).length).toBeLessThanOrEqual(500);
    expect(hasEnded(ended, [`lead:${n}`], NOW + n)).toBe(true);
  }
  for (let n = 0; n < 2_000; n++) expect(hasEnded(ended, [`lead:${n}`], NOW)).toBe(true);
  expect(hasEnded(ended, ["lead:new"], NOW + 2_000 + MINUTE)).toBe(false);
});

it("a credential rests on its person, its key, its provider and, of a visitor, on the websites", () => {
  const user = { company_id: "c", issued_at: null, expires_at: null } as const;
  const person = { ...user, kind: "user", entity_type: "user", entity_id: "u" } as const;
  expect(namesOf({ ...person, api_key_id: "k", issuer_id: null })).toEqual(["user:u", "api_key:k"]);
  expect(namesOf({ ...person, api_key_id: null, issuer_id: "i" })).toEqual(["user:u", "issuer:i"]);
  const lead = {
    ...user,
    kind: "lead",
    entity_type: "lead",
    entity_id: "l",
    api_key_id: null,
    issuer_id: null,
  } as const;
  expect(namesOf(lead)).toEqual(["lead:l", "websites"]);
});
