/** Something that changes the service: what is stale afterwards, and what is said of it. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { announce, complain } from "./toast.tsx";

type Action<I, O> = {
  run: (input: I) => Promise<O>;
  /** First members of the keys of queries that are stale afterwards. */
  stale?: string[];
  /** Said when it is done. */
  done?: string;
  onDone?: (output: O, input: I) => void;
  /** Whether the caller shows failures itself. */
  isQuiet?: boolean;
};

export function useAction<I = void, O = unknown>({ run, stale = [], done, onDone, isQuiet = false }: Action<I, O>) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: run,
    onSuccess: (output, input) => {
      for (const key of stale) void client.invalidateQueries({ queryKey: [key] });
      if (done !== undefined) announce(done);
      onDone?.(output, input);
    },
    onError: (error) => {
      if (!isQuiet) complain(error);
    },
  });
}
