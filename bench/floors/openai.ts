/** The least that calls a model over OpenAI's protocol: one streamed chat completion, its text as it arrives. */

export async function* complete(base_url: string, message: string): AsyncGenerator<string> {
  const response = await fetch(`${base_url}/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "zero", stream: true, messages: [{ role: "user", content: message }] }),
  });
  if (!response.ok || !response.body) throw new Error(`the model answered ${response.status}`);
  let rest = "";
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      if (!line.startsWith("data: {")) continue;
      const text = JSON.parse(line.slice(6)).choices?.[0]?.delta?.content;
      if (text) yield text as string;
    }
  }
}

/** The whole reply. */
export async function completeText(base_url: string, message: string): Promise<string> {
  let text = "";
  for await (const part of complete(base_url, message)) text += part;
  return text;
}

const encoder = new TextEncoder();

/** One server-sent event. */
export const event = (data: object): Uint8Array => encoder.encode(`data: ${JSON.stringify(data)}\n\n`);
