/** API keys: make, rotate, revoke. A secret is shown once. */
import { Plus } from "lucide-react";
import { useState } from "react";
import { Refused } from "../api.ts";
import { useSession } from "../session.tsx";
import type { Scope } from "../types.ts";
import { useAction } from "../ui/action.ts";
import { CopyLine } from "../ui/copy.tsx";
import { Check, errorAt, Field } from "../ui/field.tsx";
import { useList } from "../ui/list.ts";
import { Confirm, Modal } from "../ui/modal.tsx";
import { Menu } from "../ui/menu.tsx";
import { Page } from "../ui/page.tsx";
import { Table } from "../ui/table.tsx";
import { Time } from "../ui/time.tsx";
import { FormModal } from "../ui/form-modal.tsx";
import { say } from "../words.ts";
import { Who } from "../conversation/who.tsx";

const PATH = "/auth/api-keys";

type Key = {
  id: string;
  name: string;
  api_key: string;
  scopes: Scope[];
  user_id: string;
  created_at: string;
  expires_at: string | null;
  revoked_at: string | null;
  last_used_at: string | null;
};
type KeyWithSecret = Key & { api_secret: string };
type Asking = { kind: "rotate" | "revoke"; key: Key } | { kind: "new" } | { kind: "made"; key: KeyWithSecret };

export function Keys() {
  const { api, canManageKeys } = useSession();
  const [asking, setAsking] = useState<Asking | null>(null);
  const list = useList<Key>(PATH, "api_keys", { per_page: 50 });
  const rotate = useAction({
    run: (id: string) => api.send<KeyWithSecret>("POST", `${PATH}/${id}/rotate`),
    stale: [PATH],
    isQuiet: true,
    onDone: (key) => setAsking({ kind: "made", key }),
  });
  const revoke = useAction({
    run: (id: string) => api.send("DELETE", `${PATH}/${id}`),
    stale: [PATH],
    done: say("keyRevoked"),
    isQuiet: true,
    onDone: () => setAsking(null),
  });
  const create = canManageKeys && (
    <button type="button" className="button primary" onClick={() => setAsking({ kind: "new" })}>
      <Plus aria-hidden="true" />
      {say("newKey")}
    </button>
  );
  return (
    <Page title={say("apiKeys")} about={say(canManageKeys ? "keysAbout" : "keysByKeyOnly")} actions={create}>
      <Table
        label={say("apiKeys")}
        list={list}
        keyOf={({ id }) => id}
        empty={say("noKeys")}
        columns={[
          { name: say("name"), cell: ({ name }) => name },
          { name: say("apiKey"), cell: ({ api_key }) => <code>{api_key}</code> },
          { name: say("scopes"), cell: ({ scopes }) => scopes.join(", ") },
          { name: say("actsAs"), cell: ({ user_id }) => <Who id={user_id} /> },
          { name: say("lastUsed"), cell: ({ last_used_at }) => (last_used_at ? <Time at={last_used_at} /> : "–") },
          { name: say("status"), cell: (key) => <State apiKey={key} /> },
          {
            name: say("actions"),
            cell: (key) =>
              canManageKeys &&
              key.revoked_at === null && (
                <Menu
                  label={say("actionsOf", { name: key.name })}
                  items={[
                    { label: say("rotate"), run: () => setAsking({ kind: "rotate", key }) },
                    { label: say("revoke"), isDanger: true, run: () => setAsking({ kind: "revoke", key }) },
                  ]}
                />
              ),
          },
        ]}
      />
      {asking?.kind === "new" && (
        <NewKey onClose={() => setAsking(null)} onMade={(key) => setAsking({ kind: "made", key })} />
      )}
      {asking?.kind === "made" && (
        <Modal title={say("keyMade")} onClose={() => setAsking(null)}>
          <div className="stack">
            <p>{say("shownOnce")}</p>
            <CopyLine label={say("keyHalf")} text={asking.key.api_key} />
            <CopyLine label={say("secretHalf")} text={asking.key.api_secret} />
          </div>
        </Modal>
      )}
      {asking?.kind === "rotate" && (
        <Confirm
          title={say("rotate")}
          text={say("rotateText")}
          action={say("rotate")}
          onClose={() => setAsking(null)}
          onDone={() => {}}
          run={() => rotate.mutateAsync(asking.key.id)}
        />
      )}
      {asking?.kind === "revoke" && (
        <Confirm
          title={say("revoke")}
          text={say("revokeText", { name: asking.key.name })}
          action={say("revoke")}
          onClose={() => setAsking(null)}
          onDone={() => {}}
          run={() => revoke.mutateAsync(asking.key.id)}
        />
      )}
    </Page>
  );
}

function State({ apiKey: { revoked_at, expires_at } }: { apiKey: Key }) {
  if (revoked_at) return <span className="tag bad">{say("revoked")}</span>;
  if (expires_at && Date.parse(expires_at) < Date.now()) return <span className="tag">{say("hasExpired")}</span>;
  return <span className="tag good">{say("active")}</span>;
}

const SCOPES = ["read", "write", "admin"] as const;

function NewKey({ onClose, onMade }: { onClose: () => void; onMade: (key: KeyWithSecret) => void }) {
  const { api } = useSession();
  const [name, setName] = useState("");
  const [scopes, setScopes] = useState<Scope[]>(["read", "write"]);
  const [expires, setExpires] = useState("");
  const make = useAction({
    run: () => {
      const expires_at = expires === "" ? null : new Date(expires).toISOString();
      return api.send<KeyWithSecret>("POST", PATH, { body: { name, scopes, expires_at } });
    },
    stale: [PATH],
    isQuiet: true,
    onDone: onMade,
  });
  const errors = make.error instanceof Refused ? make.error.errors : [];
  return (
    <FormModal
      title={say("newKey")}
      onClose={onClose}
      action={make}
      button={say("create")}
      isIncomplete={scopes.length === 0}
    >
      <Field
        label={say("name")}
        value={name}
        maxLength={200}
        required
        error={errorAt(errors, "/name")}
        onChange={(event) => setName(event.target.value)}
      />
      <fieldset>
        <legend>{say("scopes")}</legend>
        {SCOPES.map((scope) => (
          <Check
            key={scope}
            label={scope}
            checked={scopes.includes(scope)}
            onChange={(event) =>
              setScopes(event.target.checked ? [...scopes, scope] : scopes.filter((one) => one !== scope))
            }
          />
        ))}
      </fieldset>
      <Field
        label={say("expiresAt")}
        type="datetime-local"
        value={expires}
        error={errorAt(errors, "/expires_at")}
        onChange={(event) => setExpires(event.target.value)}
      />
    </FormModal>
  );
}
