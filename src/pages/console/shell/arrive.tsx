/** Coming back to the console after a reload or from an identity provider, and what there is to say of a refusal. */
import { useEffect } from "react";
import { type Credential, Refused } from "../api.ts";
import { forgetCredential } from "../credential.ts";
import { identify } from "../session.tsx";
import type { Identity } from "../types.ts";
import { Loading } from "../ui/state.tsx";
import { reasonOf } from "../ui/toast.tsx";
import { say } from "../words.ts";

export type Done = (entered: { credential: Credential; me: Identity }) => void;

export function refusalIn(error: unknown): string {
  if (!(error instanceof Refused)) return reasonOf(error);
  if (error.status === 401) return say("badCredential");
  if (error.status === 403) return say(error.detail === "visitor" ? "visitorToken" : "needsRead");
  return error.errors[0]?.message ?? reasonOf(error);
}

/** Finds out the credential that the tab comes with, and whether it is good. `onFail` hears why it is not. */
export function Arrive({
  arrival,
  onDone,
  onFail,
}: {
  arrival: () => Promise<Credential>;
  onDone: Done;
  onFail: (reason: string) => void;
}) {
  useEffect(() => {
    arrival()
      .then(async (credential) => onDone({ credential, me: await identify(credential) }))
      .catch((error: unknown) => {
        if (error instanceof Refused && error.status === 401) forgetCredential();
        onFail(refusalIn(error));
      });
    // Once: a code is good once.
  }, []);
  return (
    <main className="entrance">
      <Loading rows={3} />
    </main>
  );
}
