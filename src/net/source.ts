/** What arrives over time, read like a stream but with nothing around it: a stream of our own costs more than what it carries. */
export type Source<T> = Pick<ReadableStreamDefaultReader<T>, "read" | "cancel">;

/** The same as a stream, for those who want one. It reads when it is read. */
export const streamOf = <T>(source: Source<T>): ReadableStream<T> =>
  new ReadableStream<T>(
    {
      async pull(controller) {
        const { done, value } = await source.read();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      cancel: (reason) => source.cancel(reason),
    },
    { highWaterMark: 0 },
  );
