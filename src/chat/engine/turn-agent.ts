/** An agent as the turns of its conversations use it. */
import type { Hours } from "../hours.ts";
import type { Price } from "../money.ts";
import type { Model } from "../ports.ts";
import type { ContextSettings } from "./context.ts";
import type { Timeouts } from "./watchdog.ts";

/** One of an agent's models. `open` throws ModelFailure when it is not to be had. */
export type Link = {
  /** `provider/name`. */
  name: string;
  timeouts: Timeouts;
  /** Null where the company has none for it. */
  price: Price | null;
  open: () => Model;
};

/** What a turn takes from its agent. */
export type TurnAgent = ContextSettings & {
  /** The agent's models: each but the first answers when those before it do not. */
  links: readonly [Link, ...Link[]];
  /** Answers where a budget has no room for any of them; null where it is one of them. */
  last_resort: Link | null;
  /** The company has budgets: every call of a model needs room in them. */
  budgets: boolean;
  max_output_tokens: number | null;
  /** What is too old for the window is summarised. */
  summarize: boolean;
  /** A conversation without a title gets one. */
  auto_title: boolean;
  /** The model may ask for a person to take over, and when there are people for that (null: always); null: it may not. */
  hand_over: { hours: Hours | null } | null;
};
