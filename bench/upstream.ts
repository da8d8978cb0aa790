/** A model server of zero delay: OpenAI's protocol, one answer of two dozen words in one write. A process of its own. */
import { createServer } from "node:http";
import "../src/cli/tool/end-with-parent.ts";

const WORDS =
  "Thank you for asking. We are open on weekdays from nine to five, and you will find us at the end of the lane.".split(
    " ",
  );

const chunk = (delta: object, finish_reason: string | null = null, usage?: object) =>
  `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", created: 0, model: "zero", choices: [{ index: 0, delta, finish_reason }], ...(usage ? { usage } : {}) })}\n\n`;

const ANSWER = Buffer.from(
  [
    chunk({ role: "assistant", content: "" }),
    ...WORDS.map((word, i) => chunk({ content: i === 0 ? word : ` ${word}` })),
    chunk({}, "stop", { prompt_tokens: 24, completion_tokens: 26, total_tokens: 50 }),
    "data: [DONE]\n\n",
  ].join(""),
);

const server = createServer((request, response) => {
  request.socket.setNoDelay(true);
  request.resume();
  request.on("end", () => response.writeHead(200, { "content-type": "text/event-stream" }).end(ANSWER));
});
server.keepAliveTimeout = 600_000;
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  process.send?.(typeof address === "object" ? address?.port : null);
});
