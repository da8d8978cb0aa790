/** The part of an agent that lets its model ask for a person, and when there are people for that. */
import * as z from "zod";
import { HAND_OVER, type HttpTool } from "../../chat/agent.ts";
import { WEEKDAYS } from "../../chat/hours.ts";
import { timeZone } from "../../http/fields.ts";
import { lazy } from "../../lazy.ts";
import { invalid } from "../../problem/problem.ts";

const time = (pattern: RegExp, example: string) =>
  z.string().regex(pattern, "must be a time of day, HH:MM").meta({ example });

const opening = lazy(() =>
  z
    .strictObject({
      days: z.array(z.enum(WEEKDAYS)).min(1).max(7),
      from: time(/^([01]\d|2[0-3]):[0-5]\d$/, "09:00"),
      to: time(/^(([01]\d|2[0-3]):[0-5]\d|24:00)$/, "17:30").meta({ description: "`24:00` is the end of the day." }),
    })
    .refine(({ from, to }) => from < to, { path: ["to"], error: "must be later than from, on the same day" }),
);

export const handOverFields = lazy(() => ({
  hand_over: z.boolean().default(false).meta({
    description:
      "Give the model the tool `hand_over`, by which it asks for a person: the conversation gets `waiting_since`, its summary becomes a note. Built-in models have no tools.",
  }),
  hours: z
    .strictObject({ time_zone: timeZone(), open: z.array(opening()).min(1).max(50) })
    .nullable()
    .default(null)
    .meta({
      description:
        "When there are people to take over; null: always. At other times the model that asks for one is told to say so, and to ask for an address.",
    }),
}));

/** Throws 422 where one of the agent's own tools has the name of that tool. `sent`: the tools are of this request. */
export function checkHandOver(hand_over: boolean, tools: Pick<HttpTool, "name">[], sent: boolean): void {
  const index = tools.findIndex(({ name }) => name === HAND_OVER);
  if (!hand_over || index < 0) return;
  if (sent) throw invalid({ path: `/tools/${index}/name`, message: "is the name of the tool that hand_over gives" });
  throw invalid({ path: "/hand_over", message: "cannot be true: one of the agent's own tools has this name" });
}
