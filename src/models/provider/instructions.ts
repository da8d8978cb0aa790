/** Models that take no instructions, as some chat templates and Google's Gemma: how they refuse them, and how they get them. */
import type { Message } from "../connect.ts";

/** A template that knows no instructions sometimes only sees two messages in a row that are not the model's. */
export const NO_INSTRUCTIONS =
  /system\W{0,3} (message )?role|role\W{0,3} \W?system|(system|developer) (instruction|message|prompt)s? (is|are) not|only user|must alternate/i;

/** The messages with the instructions at the beginning of the user's first. */
export function instructed(instructions: string, messages: Message[]): Message[] {
  const [first, ...rest] = messages;
  if (instructions === "") return messages;
  if (first?.role === "user") return [{ role: "user", text: `${instructions}\n\n${first.text}` }, ...rest];
  return [{ role: "user", text: instructions }, ...messages];
}
