/** The body that the transport of the Vercel AI SDK sends. Of its messages only the last one of the user is used. */
import * as z from "zod";
import { lazy } from "../../lazy.ts";

const part = lazy(() => z.looseObject({ type: z.string(), text: z.string().optional() }));

const uiMessage = lazy(() =>
  z
    .looseObject({ id: z.string().max(255).optional(), role: z.string(), parts: z.array(part()).max(1000) })
    .meta({ id: "UIMessage" }),
);

const common = lazy(() => ({
  id: z.string().optional().meta({ description: "The client's own id of the chat; not looked at." }),
  trigger: z.enum(["submit-message", "regenerate-message"]).default("submit-message"),
  messageId: z
    .string()
    .nullish()
    .meta({ description: "With regenerate-message: the reply to make anew; else the last." }),
}));

/** A body with the whole list, as `DefaultChatTransport` sends it, or with the last message alone. */
export const uiBody = lazy(() =>
  z
    .union([
      z.looseObject({ ...common(), messages: z.array(uiMessage()).min(1).max(10_000) }),
      z.looseObject({ ...common(), message: uiMessage() }),
    ])
    .meta({ id: "UIMessageRequest" }),
);

export type UiBody = z.output<ReturnType<typeof uiBody>>;

/** The text of the user's last message and the client's id of it; null where there is no such text. */
export function lastUserText(body: UiBody): { text: string; id: string | null } | null {
  const list =
    "messages" in body
      ? (body.messages as z.output<ReturnType<typeof uiMessage>>[])
      : [body.message as z.output<ReturnType<typeof uiMessage>>];
  const last = list.findLast((message) => message.role === "user");
  if (!last) return null;
  const text = last.parts.flatMap((p) => (p.type === "text" && p.text !== undefined ? [p.text] : [])).join("");
  return text === "" ? null : { text, id: last.id ?? null };
}
