/** Model providers: where models are asked, with which key, and whether that works. */
import { Plus } from "lucide-react";
import { useState } from "react";
import { type Probe, Probes } from "../agents/model-test.tsx";
import { Refused } from "../api.ts";
import { useSession } from "../session.tsx";
import { useAction } from "../ui/action.ts";
import { errorAt, Field, Select } from "../ui/field.tsx";
import { useList } from "../ui/list.ts";
import { Confirm } from "../ui/modal.tsx";
import { Menu } from "../ui/menu.tsx";
import { Page } from "../ui/page.tsx";
import { Table } from "../ui/table.tsx";
import { Time } from "../ui/time.tsx";
import { FormModal } from "../ui/form-modal.tsx";
import { say } from "../words.ts";
import { PricesForm } from "./prices.tsx";

const PATH = "/model-provider";
const KINDS = ["openai", "anthropic", "google", "workers-ai", "openai-compatible"] as const;

type Provider = {
  name: string;
  kind: (typeof KINDS)[number];
  base_url: string | null;
  has_api_key: boolean;
  updated_at: string;
};
type Asking = { kind: "put" | "remove" | "test" | "prices"; provider: Provider | null };

export function Providers() {
  const { api } = useSession();
  const [asking, setAsking] = useState<Asking | null>(null);
  const list = useList<Provider>(PATH, "model_providers", { per_page: 50 });
  const remove = useAction({
    run: (name: string) => api.send("DELETE", `${PATH}/${name}`),
    stale: [PATH],
    done: say("removed"),
    isQuiet: true,
  });
  const close = () => setAsking(null);
  return (
    <Page
      title={say("providers")}
      about={say("providersAbout")}
      actions={
        <button type="button" className="button primary" onClick={() => setAsking({ kind: "put", provider: null })}>
          <Plus aria-hidden="true" />
          {say("newProvider")}
        </button>
      }
    >
      <Table
        label={say("providers")}
        list={list}
        keyOf={({ name }) => name}
        empty={say("noProviders")}
        columns={[
          { name: say("name"), cell: ({ name }) => <code>{name}</code> },
          { name: say("kind"), cell: ({ kind }) => kind },
          { name: say("address"), cell: ({ base_url }) => base_url ?? "–" },
          { name: say("apiKey"), cell: ({ has_api_key }) => say(has_api_key ? "stored" : "none") },
          { name: say("changed"), cell: ({ updated_at }) => <Time at={updated_at} /> },
          {
            name: say("actions"),
            cell: (provider) => (
              <Menu
                label={say("actionsOf", { name: provider.name })}
                items={[
                  { label: say("testModel"), run: () => setAsking({ kind: "test", provider }) },
                  { label: say("prices"), run: () => setAsking({ kind: "prices", provider }) },
                  { label: say("replace"), run: () => setAsking({ kind: "put", provider }) },
                  { label: say("remove"), isDanger: true, run: () => setAsking({ kind: "remove", provider }) },
                ]}
              />
            ),
          },
        ]}
      />
      {asking?.kind === "put" && <ProviderForm provider={asking.provider} onClose={close} />}
      {asking?.kind === "test" && asking.provider && <TestForm name={asking.provider.name} onClose={close} />}
      {asking?.kind === "prices" && asking.provider && <PricesForm name={asking.provider.name} onClose={close} />}
      {asking?.kind === "remove" && asking.provider && (
        <Confirm
          title={say("remove")}
          text={say("removeProviderText", { name: asking.provider.name })}
          action={say("remove")}
          onClose={close}
          run={() => remove.mutateAsync(asking.provider?.name ?? "")}
        />
      )}
    </Page>
  );
}

function ProviderForm({ provider, onClose }: { provider: Provider | null; onClose: () => void }) {
  const { api } = useSession();
  const [name, setName] = useState(provider?.name ?? "");
  const [kind, setKind] = useState<string>(provider?.kind ?? "openai");
  const [base_url, setAddress] = useState(provider?.base_url ?? "");
  const [api_key, setKey] = useState("");
  const put = useAction({
    run: () => {
      const body = { kind, base_url: base_url === "" ? null : base_url, api_key: api_key === "" ? null : api_key };
      return api.send("PUT", `${PATH}/${encodeURIComponent(name)}`, { body });
    },
    stale: [PATH],
    done: say("saved"),
    isQuiet: true,
    onDone: onClose,
  });
  const errors = put.error instanceof Refused ? put.error.errors : [];
  return (
    <FormModal
      title={provider ? say("replaceNamed", { name: provider.name }) : say("newProvider")}
      onClose={onClose}
      action={put}
      button={say("save")}
    >
      {!provider && (
        <Field
          label={say("name")}
          hint={say("providerNameHint")}
          value={name}
          required
          pattern="[a-z0-9][a-z0-9\-]*"
          maxLength={40}
          error={errorAt(errors, "/name") ?? errorAt(errors, "name")}
          onChange={(event) => setName(event.target.value)}
        />
      )}
      <Select
        label={say("kind")}
        value={kind}
        options={KINDS.map((one) => [one, one] as const)}
        onChange={(event) => setKind(event.target.value)}
      />
      <Field
        label={say("address")}
        hint={say("addressHint")}
        type="url"
        value={base_url}
        required={kind === "openai-compatible"}
        error={errorAt(errors, "/base_url")}
        onChange={(event) => setAddress(event.target.value)}
      />
      <Field
        label={say("apiKey")}
        hint={provider?.has_api_key ? say("keyAgain") : undefined}
        type="password"
        autoComplete="off"
        value={api_key}
        error={errorAt(errors, "/api_key")}
        onChange={(event) => setKey(event.target.value)}
      />
    </FormModal>
  );
}

function TestForm({ name, onClose }: { name: string; onClose: () => void }) {
  const { api } = useSession();
  const [model, setModel] = useState("");
  const test = useAction({
    run: () => api.send<Probe>("POST", `${PATH}/${name}/test`, { body: model === "" ? {} : { model } }),
    isQuiet: true,
  });
  return (
    <FormModal
      title={say("testNamed", { name })}
      onClose={onClose}
      action={test}
      button={say(test.isPending ? "testing" : "testModel")}
    >
      <Field
        label={say("model")}
        hint={say("testModelHint")}
        value={model}
        maxLength={200}
        onChange={(event) => setModel(event.target.value)}
      />
      {test.data && <Probes probes={[test.data]} />}
    </FormModal>
  );
}
