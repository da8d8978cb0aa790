/** What is counted or added up for an agent and a model in a span of time; analytic-cell.ts says how. */
export const MEASURES = [
  ...(["turns", "failed", "stopped", "questions", "replies", "deleted", "timed", "time"] as const),
  ...(["measured", "measured_input", "measured_output", "estimated", "estimated_input", "estimated_output"] as const),
  ...(["rated_up", "rated_down", "handed_over", "staff_replies", "waits", "waited", "conversations", "leads"] as const),
] as const;
