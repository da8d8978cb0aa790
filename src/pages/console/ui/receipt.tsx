/**
 * What became of an erasure: what went from where, and the signed receipt to keep. It stands above the pages, because what it
 * is about goes from them meanwhile.
 */
import { useQuery } from "@tanstack/react-query";
import { useEffect, useSyncExternalStore } from "react";
import { useSession } from "../session.tsx";
import type { Erasure } from "../types.ts";
import { say } from "../words.ts";
import { Copy } from "./copy.tsx";
import { save } from "./download.ts";
import { Modal } from "./modal.tsx";
import { Time } from "./time.tsx";

/** Milliseconds between looks at one that still goes on. */
const REFRESH = 2_000;

let shown: Erasure | null = null;
const listeners = new Set<() => void>();

export function showReceipt(erasure: Erasure | null): void {
  shown = erasure;
  for (const listener of listeners) listener();
}

const subscribe = (listener: () => void) => {
  listeners.add(listener);
  return () => listeners.delete(listener);
};

/** The receipt that is to be shown, if one is. */
export function OpenReceipt() {
  const erasure = useSyncExternalStore(subscribe, () => shown);
  useEffect(() => () => showReceipt(null), []);
  return erasure && <Receipt erasure={erasure} onClose={() => showReceipt(null)} />;
}

function Receipt({ erasure: begun, onClose }: { erasure: Erasure; onClose: () => void }) {
  const { api } = useSession();
  const { data: erasure } = useQuery({
    queryKey: ["/erasure", begun.id],
    queryFn: async ({ signal }) => (await api.get<{ erasure: Erasure }>(`/erasure/${begun.id}`, {}, signal)).erasure,
    initialData: begun,
    refetchInterval: ({ state }) => (state.data?.status === "running" ? REFRESH : false),
  });
  const { receipt } = erasure;
  return (
    <Modal title={say("erasure")} onClose={onClose}>
      <div className="stack">
        <p role="status">
          {erasure.done_at ? say("erasureDone") : say("erasureRuns")}{" "}
          <Time at={erasure.done_at ?? erasure.began_at} exact />
        </p>
        <dl className="facts">
          {erasure.stores.map(({ store, rows }) => (
            <div key={store}>
              <dt>{store}</dt>
              <dd>{rows}</dd>
            </div>
          ))}
        </dl>
        {receipt && (
          <div className="secret">
            <span className="muted">{say("receipt")}</span>
            <div className="row">
              <code className="clip">{receipt}</code>
              <Copy text={receipt} label={say("receipt")} />
            </div>
            <button
              type="button"
              className="button"
              onClick={() => save(new Blob([receipt], { type: "application/jose" }), `erasure-${erasure.id}.jws`)}
            >
              {say("download")}
            </button>
          </div>
        )}
      </div>
    </Modal>
  );
}
