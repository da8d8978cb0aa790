/** Server-sent events as they arrive: bytes in, the data of each event out. */

/** Decodes UTF-8 across chunks and joins an event's data lines; comments and other fields are dropped. */
export function eventData(): TransformStream<Uint8Array, string> {
  const decoder = new TextDecoder();
  let line = "";
  let data: string[] = [];
  return new TransformStream({
    transform(chunk, controller) {
      const lines = (line + decoder.decode(chunk, { stream: true })).split("\n");
      line = lines.pop() ?? "";
      for (const raw of lines) {
        const text = raw.endsWith("\r") ? raw.slice(0, -1) : raw;
        if (text.startsWith("data:")) data.push(text.slice(text[5] === " " ? 6 : 5));
        else if (text === "" && data.length > 0) {
          controller.enqueue(data.join("\n"));
          data = [];
        }
      }
    },
  });
}
