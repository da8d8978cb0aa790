/** An agent as the turns of its conversations use it. */
import type { Model } from "../ports.ts";
import type { ContextSettings } from "./context.ts";
import type { Timeouts } from "./watchdog.ts";

/** One of an agent's models. `open` throws ModelFailure when it is not to be had. */
type Link = {
  /** `provider/name`. */
  name: string;
  timeouts: Timeouts;
  open: () => Model;
};

/** What a turn takes from its agent. */
export type TurnAgent = ContextSettings & {
  /** The agent's models: each but the first answers when those before it do not. */
  links: readonly [Link, ...Link[]];
  /** What is too old for the window is summarised. */
  summarize: boolean;
  /** A conversation without a title gets one. */
  auto_title: boolean;
};
