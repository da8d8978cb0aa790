/** What the law asks for a person: a copy of everything, a hold, or that it is gone for good, with a receipt. */
import { useState } from "react";
import { useSession } from "../session.tsx";
import type { EntityType, Erasure, Hold } from "../types.ts";
import { useAction } from "../ui/action.ts";
import { save } from "../ui/download.ts";
import { Field } from "../ui/field.tsx";
import { Confirm, Modal } from "../ui/modal.tsx";
import { showReceipt } from "../ui/receipt.tsx";
import { Time } from "../ui/time.tsx";
import { complain } from "../ui/toast.tsx";
import { say } from "../words.ts";

type PersonProps = { kind: EntityType; id: string; hold: Hold | null; onErased: () => void };

export function PersonActions({ kind, id, hold, onErased }: PersonProps) {
  const { api, can, me } = useSession();
  const [asking, setAsking] = useState<"erase" | "hold" | null>(null);
  const path = `/${kind}/${id}`;
  const stale = ["/lead", "/lead/company", "/user", "/erasure", "inbox", "/message/search", "/message/deleted"];
  const release = useAction({ run: () => api.send("DELETE", `${path}/hold`), stale: ["/lead", "/lead/company"] });
  if (!can("admin")) return null;

  const exported = async () => {
    try {
      const { blob, filename } = await api.download("GET", `${path}/export`);
      // A file without its last line is not whole.
      const tail = await blob.slice(-4096).text();
      if (!tail.trimEnd().split("\n").at(-1)?.includes('"type":"end"')) throw new Error(say("exportBroken"));
      save(blob, filename ?? `${kind}-${id}.ndjson`);
    } catch (error) {
      complain(error);
    }
  };
  return (
    <>
      {hold && (
        <p className="banner">
          {say("heldFor")} {hold.reason} (<Time at={hold.since} />)
        </p>
      )}
      <div className="actions wrap">
        <button type="button" className="button" onClick={() => void exported()}>
          {say("exportPerson")}
        </button>
        {kind === "lead" &&
          (hold ? (
            <button type="button" className="button" onClick={() => release.mutate()}>
              {say("release")}
            </button>
          ) : (
            <button type="button" className="button" onClick={() => setAsking("hold")}>
              {say("holdIt")}
            </button>
          ))}
        {id !== me.entity_id && (
          <button type="button" className="button danger-quiet" onClick={() => setAsking("erase")}>
            {say("erasePerson")}
          </button>
        )}
      </div>
      {asking === "hold" && <HoldForm path={path} onClose={() => setAsking(null)} />}
      {asking === "erase" && (
        <Erase kind={kind} path={path} stale={stale} onClose={() => setAsking(null)} onErased={onErased} />
      )}
    </>
  );
}

type EraseProps = {
  kind: EntityType;
  path: string;
  stale: string[];
  onClose: () => void;
  onErased: () => void;
};

function Erase({ kind, path, stale, onClose, onErased }: EraseProps) {
  const { api } = useSession();
  const erase = useAction({
    run: () => api.send<{ erasure: Erasure }>("DELETE", `${path}?erase=true`),
    stale,
    isQuiet: true,
    onDone: ({ erasure }) => {
      showReceipt(erasure);
      onErased();
    },
  });
  return (
    <Confirm
      title={say("erasePerson")}
      text={say(kind === "lead" ? "eraseText" : "eraseUserText")}
      action={say("erase")}
      phrase={say("erase")}
      onClose={onClose}
      run={() => erase.mutateAsync()}
    />
  );
}

function HoldForm({ path, onClose }: { path: string; onClose: () => void }) {
  const { api } = useSession();
  const [reason, setReason] = useState("");
  const hold = useAction({
    run: () => api.send("PUT", `${path}/hold`, { body: { reason: reason.trim() } }),
    stale: ["/lead", "/lead/company"],
    onDone: onClose,
  });
  return (
    <Modal title={say("holdIt")} onClose={onClose} className="narrow">
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          hold.mutate();
        }}
      >
        <Field
          label={say("reason")}
          hint={say("holdHint")}
          value={reason}
          maxLength={500}
          required
          onChange={(event) => setReason(event.target.value)}
        />
        <div className="actions">
          <button type="submit" className="button primary" disabled={hold.isPending || reason.trim() === ""}>
            {say("save")}
          </button>
        </div>
      </form>
    </Modal>
  );
}
