/** The durable floor: a bare Worker, one Durable Object per conversation, one D1 batch of two inserts a turn. */
import { DurableObject } from "cloudflare:workers";
import { uuidv7 } from "uuidv7";
import { complete, completeText, event } from "./openai.ts";
import { insertMessage } from "./record.ts";
import { type FloorEnv, serve } from "./serve.ts";

export class Conversation extends DurableObject<FloorEnv> {
  #sequence = 0;

  async chat(conversation_id: string, message: string) {
    const content = await completeText(this.env.MODEL, message);
    return this.#store(conversation_id, message, content);
  }

  chatStream(conversation_id: string, message: string): ReadableStream {
    const { readable, writable } = new IdentityTransformStream();
    const writer = writable.getWriter();
    const run = async () => {
      let content = "";
      for await (const text of complete(this.env.MODEL, message)) {
        content += text;
        await writer.write(event({ text }));
      }
      await writer.write(event(await this.#store(conversation_id, message, content)));
      await writer.close();
    };
    void run();
    return readable;
  }

  async #store(conversation_id: string, message: string, content: string) {
    const common = { conversation_id, turn_id: uuidv7(), created_at: Date.now() };
    const user = { ...common, id: uuidv7(), role: "user" as const, content: message, sequence: ++this.#sequence };
    const reply = { ...common, id: uuidv7(), role: "assistant" as const, content, sequence: ++this.#sequence };
    await this.env.DB.batch([insertMessage(this.env.DB, user), insertMessage(this.env.DB, reply)]);
    return { message_id: user.id, content };
  }
}

export default { fetch: serve };
