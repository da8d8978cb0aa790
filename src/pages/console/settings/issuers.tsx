/** Identity providers whose tokens the company's users may come with. */
import { Plus } from "lucide-react";
import { useState } from "react";
import { Refused } from "../api.ts";
import { useSession } from "../session.tsx";
import { useAction } from "../ui/action.ts";
import { CopyLine } from "../ui/copy.tsx";
import { errorAt, Field, TextArea } from "../ui/field.tsx";
import { useList } from "../ui/list.ts";
import { Confirm } from "../ui/modal.tsx";
import { Menu } from "../ui/menu.tsx";
import { Page } from "../ui/page.tsx";
import { Table } from "../ui/table.tsx";
import { reasonOf } from "../ui/toast.tsx";
import { FormModal } from "../ui/form-modal.tsx";
import { say } from "../words.ts";

const PATH = "/auth/issuer";

type Issuer = {
  id: string;
  issuer: string;
  audience: string;
  role_claim: string | null;
  status: "pending" | "verified";
};
type Asking = { kind: "new" } | { kind: "verify" | "remove"; issuer: Issuer };

export function Issuers() {
  const { api, me } = useSession();
  const [asking, setAsking] = useState<Asking | null>(null);
  const list = useList<Issuer>(PATH, "issuers", { per_page: 50 });
  const remove = useAction({
    run: (id: string) => api.send("DELETE", `${PATH}/${id}`),
    stale: [PATH],
    done: say("removed"),
    isQuiet: true,
  });
  const close = () => setAsking(null);
  return (
    <Page
      title={say("issuers")}
      about={say("issuersAbout")}
      actions={
        <button type="button" className="button primary" onClick={() => setAsking({ kind: "new" })}>
          <Plus aria-hidden="true" />
          {say("newIssuer")}
        </button>
      }
    >
      <Table
        label={say("issuers")}
        list={list}
        keyOf={({ id }) => id}
        empty={say("noIssuers")}
        columns={[
          { name: say("issuer"), cell: ({ issuer }) => issuer },
          { name: say("audience"), cell: ({ audience }) => audience },
          { name: say("roleClaim"), cell: ({ role_claim }) => role_claim ?? "–" },
          {
            name: say("status"),
            cell: ({ status }) => (
              <span className={status === "verified" ? "tag good" : "tag warn"}>
                {say(status === "verified" ? "verified" : "pending")}
              </span>
            ),
          },
          {
            name: say("actions"),
            cell: (issuer) => (
              <Menu
                label={say("actionsOf", { name: issuer.issuer })}
                items={[
                  issuer.status === "pending" && {
                    label: say("verify"),
                    run: () => setAsking({ kind: "verify", issuer }),
                  },
                  { label: say("remove"), isDanger: true, run: () => setAsking({ kind: "remove", issuer }) },
                ]}
              />
            ),
          },
        ]}
      />
      <section className="stack" aria-label={say("singleSignOn")}>
        <p className="muted">{say("singleSignOnAbout")}</p>
        <CopyLine label={say("signInLink")} text={`${location.origin}/console?company=${me.company_id}`} />
        <CopyLine label={say("redirectAddress")} text={`${location.origin}/console`} />
      </section>
      {asking?.kind === "new" && <IssuerForm onClose={close} />}
      {asking?.kind === "verify" && <VerifyForm id={asking.issuer.id} onClose={close} />}
      {asking?.kind === "remove" && (
        <Confirm
          title={say("remove")}
          text={say("removeIssuerText", { name: asking.issuer.issuer })}
          action={say("remove")}
          onClose={close}
          run={() => remove.mutateAsync(asking.issuer.id)}
        />
      )}
    </Page>
  );
}

function IssuerForm({ onClose }: { onClose: () => void }) {
  const { api } = useSession();
  const [draft, setDraft] = useState({ issuer: "", audience: "", jwks_uri: "", role_claim: "", token: "" });
  const make = useAction({
    run: () => {
      const { issuer, audience, jwks_uri, role_claim, token } = draft;
      const optional = { jwks_uri: jwks_uri || null, role_claim: role_claim || null, ...(token ? { token } : {}) };
      return api.send("POST", PATH, { body: { issuer, audience, ...optional } });
    },
    stale: [PATH],
    done: say("saved"),
    isQuiet: true,
    onDone: onClose,
  });
  const errors = make.error instanceof Refused ? make.error.errors : [];
  const input = (name: keyof typeof draft) => ({
    value: draft[name],
    error: errorAt(errors, `/${name}`),
    onChange: (event: { target: { value: string } }) => setDraft({ ...draft, [name]: event.target.value.trim() }),
  });
  return (
    <FormModal title={say("newIssuer")} onClose={onClose} action={make} button={say("create")}>
      <Field label={say("issuer")} type="url" required {...input("issuer")} />
      <Field label={say("audience")} required {...input("audience")} />
      <Field label={say("jwksUri")} hint={say("jwksHint")} type="url" {...input("jwks_uri")} />
      <Field label={say("roleClaim")} hint={say("roleClaimHint")} {...input("role_claim")} />
      <TextArea label={say("proof")} hint={say("proofHint")} rows={3} spellCheck={false} {...input("token")} />
    </FormModal>
  );
}

function VerifyForm({ id, onClose }: { id: string; onClose: () => void }) {
  const { api } = useSession();
  const [token, setToken] = useState("");
  const verify = useAction({
    run: () => api.send("POST", `${PATH}/${id}/verify`, { body: { token: token.trim() } }),
    stale: [PATH],
    done: say("verified"),
    isQuiet: true,
    onDone: onClose,
  });
  return (
    <FormModal title={say("verify")} onClose={onClose} action={verify} button={say("verify")} error={null}>
      <TextArea
        label={say("proof")}
        hint={say("proofHint")}
        rows={4}
        required
        spellCheck={false}
        value={token}
        error={verify.error ? reasonOf(verify.error) : undefined}
        onChange={(event) => setToken(event.target.value)}
      />
    </FormModal>
  );
}
