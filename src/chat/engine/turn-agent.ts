/** An agent as the turns of its conversations use it. */
import type { Model } from "../ports.ts";
import type { ContextSettings } from "./context.ts";
import type { Timeouts } from "./watchdog.ts";

/** What a turn takes from its agent. `open` throws ModelFailure when the model is not to be had. */
export type TurnAgent = ContextSettings & {
  timeouts: Timeouts;
  /** What is too old for the window is summarised. */
  summarize: boolean;
  /** A conversation without a title gets one. */
  auto_title: boolean;
  open: () => Model;
};
