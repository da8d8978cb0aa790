/** Signing in at the company's identity provider. The company's identifier is no secret: the browser remembers it. */
import { useQuery } from "@tanstack/react-query";
import { ExternalLink } from "lucide-react";
import { useState } from "react";
import { Refused } from "../api.ts";
import type { Provider } from "../authorization.ts";
import { departTo, providersOf } from "../identity-provider.ts";
import { browserStore } from "../storage.ts";
import { Field } from "../ui/field.tsx";
import { Loading, Wrong } from "../ui/state.tsx";
import { reasonOf } from "../ui/toast.tsx";
import { say } from "../words.ts";

const NAME = "company";

/** The company of the link (`/console?company=…`), or the one of last time. */
export const knownCompany = (): string =>
  new URLSearchParams(location.search).get("company") ?? browserStore.read<string>(NAME) ?? "";

/** The issuer as people know it; with its client where one name stands for several. */
function nameOf({ issuer, client_id }: Provider, all: Provider[]): string {
  const name = issuer.replace(/^https?:\/\//, "").replace(/\/$/, "");
  return all.filter((one) => one.issuer === issuer).length > 1 ? `${name} (${client_id})` : name;
}

export function CompanySignIn() {
  const [typed, setTyped] = useState(knownCompany);
  const [company, setCompany] = useState(typed);
  const [leaving, setLeaving] = useState<string | null>(null);
  const [problem, setProblem] = useState<unknown>(null);
  const { data, error, isFetching, refetch } = useQuery({
    queryKey: ["/auth/sign-in", company],
    enabled: company !== "",
    queryFn: async ({ signal }) => {
      const providers = await providersOf(company, signal);
      if (providers.length > 0) browserStore.write(NAME, company);
      return providers;
    },
  });
  const depart = async (provider: Provider) => {
    setLeaving(provider.id);
    setProblem(null);
    try {
      await departTo(provider);
    } catch (caught) {
      setProblem(caught);
      setLeaving(null);
    }
  };
  const refusal = error instanceof Refused ? error.errors[0]?.message : undefined;
  const wanted = typed.trim();
  return (
    <div className="stack">
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          setProblem(null);
          if (wanted === company) void refetch();
          else setCompany(wanted);
        }}
      >
        <Field
          label={say("companyId")}
          hint={say("companyIdHint")}
          name="company"
          required
          spellCheck={false}
          autoComplete="off"
          value={typed}
          error={wanted === company && error ? (refusal ?? reasonOf(error)) : undefined}
          onChange={(event) => setTyped(event.target.value)}
        />
        {(wanted !== company || !data || data.length === 0) && (
          <button type="submit" className="button primary" disabled={isFetching}>
            {say("continue")}
          </button>
        )}
      </form>
      {isFetching && !data && <Loading rows={1} />}
      {wanted === company && data?.length === 0 && <p role="status">{say("noSignIn")}</p>}
      {wanted === company &&
        data?.map((provider) => (
          <button
            key={provider.id}
            type="button"
            className="button primary"
            disabled={leaving !== null}
            onClick={() => void depart(provider)}
          >
            <ExternalLink aria-hidden="true" />
            {say("signInAt", { name: nameOf(provider, data) })}
          </button>
        ))}
      <Wrong error={problem} />
    </div>
  );
}
