/** Answers that are longer than memory: text in chunks, read only as fast as the client does. */

/** A byte stream that takes the next chunk only when its reader is ready for it. An error of `chunks` errors the stream. */
export function textStream(
  first: IteratorResult<string>,
  chunks: AsyncGenerator<string>,
  onError: (error: unknown) => void,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let next: IteratorResult<string> | null = first;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = next ?? (await chunks.next());
          next = null;
          if (done) controller.close();
          else controller.enqueue(encoder.encode(value));
        } catch (error) {
          onError(error);
          // The platform logs this error, so it must not contain the statement that failed.
          controller.error(new Error("the export could not be finished"));
        }
      },
      async cancel() {
        await chunks.return(undefined);
      },
    },
    { highWaterMark: 0 },
  );
}
