/** What each generated client is made to do, and what comes of it. Each reaches the service by its own functions and types. */

export type Service = { baseUrl: string; headers: { "X-API-Key": string; "X-API-Secret": string }; agentId: string };

export type Told = {
  title: string;
  /** What the agent answered. */
  reply: string;
  /** Texts of the messages, read in pages of one. */
  texts: string[];
  /** The status of the conversation after its delete, and after its restore. */
  states: string[];
  /** The code of the problem that a body without an agent is answered with. */
  problem: string;
};

/** The value, where the service has said that it is there. */
export function present<T>(value: T | null | undefined): T {
  if (value === null || value === undefined) throw new Error("the answer lacks what was asked for");
  return value;
}

/** What was said, of an operation that may also answer with a stream or with a receipt. */
export function contentOf(answer: string | object): string {
  if (typeof answer === "string" || !("content" in answer)) throw new Error(`no reply: ${JSON.stringify(answer)}`);
  return String(answer.content);
}
