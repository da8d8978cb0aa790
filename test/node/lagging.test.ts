/** What is known of conversations that D1 is behind of. */
import { expect, it } from "vitest";
import { Lagging } from "../../src/object/lagging.ts";
import { SqliteStore } from "./sqlite-store.ts";

const MINUTE = 60_000;

it("counts who has reported within three minutes, and whose the oldest row is", () => {
  const lagging = new Lagging(new SqliteStore());
  expect(lagging.at(0)).toEqual({ conversations: 0, since: null });
  lagging.note("a", 5, 0);
  lagging.note("b", 3, MINUTE);
  expect(lagging.at(MINUTE)).toEqual({ conversations: 2, since: 3 });
  lagging.note("b", null, MINUTE);
  expect(lagging.at(MINUTE)).toEqual({ conversations: 1, since: 5 });
  lagging.note("a", 5, 2 * MINUTE);
  expect(lagging.at(4 * MINUTE)).toEqual({ conversations: 1, since: 5 });
  expect(lagging.at(5 * MINUTE)).toEqual({ conversations: 0, since: null });
});

it("remembers a thousand, the ones that are behind for longest among them", () => {
  const lagging = new Lagging(new SqliteStore());
  for (let n = 5_000; n > 0; n--) lagging.note(`c${n}`, n, 0);
  expect(lagging.at(0)).toEqual({ conversations: 1_000, since: 1 });
  for (let n = 1; n <= 1_000; n++) lagging.note(`c${n}`, null, 0);
  expect(lagging.at(0)).toEqual({ conversations: 0, since: null });
});
