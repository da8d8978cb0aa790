/** OpenAI's package for Node.js. The base URL is the API's, the model an agent's id, and the key both halves of an API key. */
import OpenAI from "openai";

const { CONVERSATIONS_API: baseURL, CONVERSATIONS_KEY, CONVERSATIONS_SECRET, AGENT_ID: model = "" } = process.env;
const client = new OpenAI({ baseURL, apiKey: `${CONVERSATIONS_KEY}:${CONVERSATIONS_SECRET}` });

const first = await client.chat.completions.create({
  model,
  messages: [{ role: "user", content: "Are you open on Saturday?" }],
});
console.log(first.choices[0]?.message.content);

// The service keeps what was said: name the conversation, and send the new message alone.
const { conversation } = first as typeof first & { conversation: { id: string } };
const more = { conversation: conversation.id } as object;
const stream = await client.chat.completions.create({
  model,
  messages: [{ role: "user", content: "How long does delivery take?" }],
  stream: true,
  ...more,
});
for await (const chunk of stream) process.stdout.write(chunk.choices[0]?.delta.content ?? "");
console.log();
