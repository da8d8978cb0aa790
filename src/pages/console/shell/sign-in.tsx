/** Signing in with an API key, a token or an identity provider, and coming back after a reload or from the provider. */
import { Tabs } from "@base-ui/react/tabs";
import { KeyRound } from "lucide-react";
import { useEffect, useState } from "react";
import { type Credential, Refused } from "../api.ts";
import { forgetCredential } from "../credential.ts";
import { identify } from "../session.tsx";
import type { Identity } from "../types.ts";
import { Field, TextArea } from "../ui/field.tsx";
import { useTitle } from "../ui/page.tsx";
import { Loading } from "../ui/state.tsx";
import { reasonOf } from "../ui/toast.tsx";
import { say } from "../words.ts";
import { CompanySignIn, knownCompany } from "./company-sign-in.tsx";
import { LanguageChooser } from "./language.tsx";

type Done = (entered: { credential: Credential; me: Identity }) => void;

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
        onFail(reason(error));
      });
    // Once: a code is good once.
  }, []);
  return (
    <main className="entrance">
      <Loading rows={3} />
    </main>
  );
}

const text = (form: FormData, name: string) => String(form.get(name) ?? "").trim();

function reason(error: unknown): string {
  if (!(error instanceof Refused)) return reasonOf(error);
  if (error.status === 401) return say("badCredential");
  if (error.status === 403) return say(error.detail === "visitor" ? "visitorToken" : "needsRead");
  return error.errors[0]?.message ?? reasonOf(error);
}

export function SignIn({ onDone, notice }: { onDone: Done; notice: string | null }) {
  useTitle(say("signIn"));
  const [problem, setProblem] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);
  const enter = async (credential: Credential) => {
    setBusy(true);
    setProblem(null);
    try {
      onDone({ credential, me: await identify(credential) });
    } catch (error) {
      setProblem(reason(error));
      setBusy(false);
    }
  };
  return (
    <main className="entrance">
      <section className="card entrance-card" aria-labelledby="sign-in">
        <span className="mark" aria-hidden="true">
          <KeyRound />
        </span>
        <h1 id="sign-in">{say("signIn")}</h1>
        <p className="muted">{say("signInAbout")}</p>
        {notice && (
          <p className="banner" role="status">
            {notice}
          </p>
        )}
        <Tabs.Root defaultValue={knownCompany() === "" ? "key" : "company"} onValueChange={() => setProblem(null)}>
          <Tabs.List className="tabs" aria-label={say("signInWith")}>
            <Tabs.Tab value="key" className="tab">
              {say("apiKey")}
            </Tabs.Tab>
            <Tabs.Tab value="token" className="tab">
              {say("token")}
            </Tabs.Tab>
            <Tabs.Tab value="company" className="tab">
              {say("singleSignOn")}
            </Tabs.Tab>
          </Tabs.List>
          <Tabs.Panel value="key">
            <form
              className="stack"
              onSubmit={(event) => {
                event.preventDefault();
                const form = new FormData(event.currentTarget);
                void enter({ api_key: text(form, "key"), api_secret: text(form, "secret") });
              }}
            >
              <Field
                label={say("keyHalf")}
                name="key"
                placeholder="ak_…"
                required
                autoComplete="username"
                spellCheck={false}
              />
              <Field
                label={say("secretHalf")}
                name="secret"
                type="password"
                placeholder="as_…"
                required
                autoComplete="current-password"
              />
              <Submit isBusy={isBusy} problem={problem} />
            </form>
          </Tabs.Panel>
          <Tabs.Panel value="token">
            <form
              className="stack"
              onSubmit={(event) => {
                event.preventDefault();
                void enter({ token: text(new FormData(event.currentTarget), "token").replace(/^Bearer\s+/i, "") });
              }}
            >
              <TextArea
                label={say("token")}
                hint={say("tokenHint")}
                name="token"
                rows={4}
                required
                spellCheck={false}
                autoComplete="off"
              />
              <Submit isBusy={isBusy} problem={problem} />
            </form>
          </Tabs.Panel>
          <Tabs.Panel value="company">
            <CompanySignIn />
          </Tabs.Panel>
        </Tabs.Root>
        <footer className="entrance-foot">
          <span className="muted">{say("staysInTab")}</span>
          <LanguageChooser />
        </footer>
      </section>
    </main>
  );
}

const Submit = ({ isBusy, problem }: { isBusy: boolean; problem: string | null }) => (
  <>
    {problem && (
      <p className="wrong" role="alert">
        {problem}
      </p>
    )}
    <button type="submit" className="button primary" disabled={isBusy}>
      {say(isBusy ? "signingIn" : "signIn")}
    </button>
  </>
);
