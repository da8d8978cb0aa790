/**
 * The model's own tool for asking a person to take over. However often it is called, by whatever it was told to, a person is
 * asked for once: until somebody has the conversation or gives it back, a repeat changes nothing.
 */
import { HAND_OVER } from "../agent.ts";
import { type Hours, isOpen } from "../hours.ts";
import type { Action } from "../ports.ts";

const text = (description: string) => ({ type: "string", description });

/** What the model is told of it. */
export const HAND_OVER_TOOL = {
  name: HAND_OVER,
  description:
    "Ask a person of the team to take over this conversation: when the user wants to speak to somebody, or when you cannot help. Then say so.",
  parameters: {
    type: "object",
    properties: {
      reason: text("Why, in a few words."),
      summary: text(
        "For the colleague: what the user wants, and what has been said and tried. The user does not see it.",
      ),
    },
    required: ["reason", "summary"],
  },
};

/** UTF-16 code units that are kept of each. */
const MAX_REASON = 500;
const MAX_SUMMARY = 10_000;

const cut = (value: unknown, length: number) => String(value).slice(0, length).toWellFormed();

/** `ask` has to be harmless when it is repeated. `hours` null: there are people at any time. */
export const handOver = (
  hours: Hours | null,
  clock: () => number,
  ask: (reason: string, summary: string) => void,
): Action => ({
  ...HAND_OVER_TOOL,
  run: ({ reason, summary }) => {
    ask(cut(reason, MAX_REASON), cut(summary, MAX_SUMMARY));
    return !hours || isOpen(hours, clock()) ? PRESENT : absent(hours);
  },
});

const PRESENT = {
  output: {
    asked: true,
    next: "Tell the user, in their language and in one short sentence, that a colleague takes over.",
  },
  otherwise: "A colleague of mine will take over from here.",
};

const absent = (hours: Hours) => ({
  output: {
    asked: true,
    people_are_there: false,
    hours,
    next: "Tell the user, in their language, that nobody is there at the moment and when somebody will be. Ask for an e-mail address at which they can be answered.",
  },
  otherwise: "Nobody of the team is here at the moment. At which e-mail address can we answer you?",
});
