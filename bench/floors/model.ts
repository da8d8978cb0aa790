/** Floor of floors: a bare Worker that only calls the model. Nothing is checked, kept or numbered. */
import { complete, completeText, event } from "./openai.ts";

type Env = { MODEL: string };

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const { message } = (await request.json()) as { message: string };
    if (!request.headers.get("accept")?.includes("text/event-stream")) {
      return Response.json({ content: await completeText(env.MODEL, message) });
    }
    const { readable, writable } = new IdentityTransformStream();
    const writer = writable.getWriter();
    const run = async () => {
      for await (const text of complete(env.MODEL, message)) await writer.write(event({ text }));
      await writer.close();
    };
    void run();
    return new Response(readable, { headers: { "content-type": "text/event-stream" } });
  },
};
