/** Signing in with an API key, a token or an identity provider. */
import { KeyRound } from "lucide-react";
import { useState } from "react";
import type { Credential } from "../api.ts";
import { identify } from "../session.tsx";
import { Field, TextArea } from "../ui/field.tsx";
import { useTitle } from "../ui/page.tsx";
import { Tabs } from "../ui/tabs.tsx";
import { say } from "../words.ts";
import { type Done, refusalIn } from "./arrive.tsx";
import { CompanySignIn, knownCompany } from "./company-sign-in.tsx";
import { LanguageChooser } from "./language.tsx";

const text = (form: FormData, name: string) => String(form.get(name) ?? "").trim();

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
      setProblem(refusalIn(error));
      setBusy(false);
    }
  };
  const form = { enter: (credential: Credential) => void enter(credential), isBusy, problem };
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
        <Tabs
          label={say("signInWith")}
          initial={knownCompany() === "" ? "key" : "company"}
          onChange={() => setProblem(null)}
          tabs={[
            { name: "key", label: say("apiKey"), panel: <KeyForm {...form} /> },
            { name: "token", label: say("token"), panel: <TokenForm {...form} /> },
            { name: "company", label: say("singleSignOn"), panel: <CompanySignIn /> },
          ]}
        />
        <footer className="entrance-foot">
          <span className="muted">{say("staysInTab")}</span>
          <LanguageChooser />
        </footer>
      </section>
    </main>
  );
}

type FormProps = { enter: (credential: Credential) => void; isBusy: boolean; problem: string | null };

const KeyForm = ({ enter, ...state }: FormProps) => (
  <form
    className="stack"
    onSubmit={(event) => {
      event.preventDefault();
      const form = new FormData(event.currentTarget);
      enter({ api_key: text(form, "key"), api_secret: text(form, "secret") });
    }}
  >
    <Field label={say("keyHalf")} name="key" placeholder="ak_…" required autoComplete="username" spellCheck={false} />
    <Field
      label={say("secretHalf")}
      name="secret"
      type="password"
      placeholder="as_…"
      required
      autoComplete="current-password"
    />
    <Submit {...state} />
  </form>
);

const TokenForm = ({ enter, ...state }: FormProps) => (
  <form
    className="stack"
    onSubmit={(event) => {
      event.preventDefault();
      enter({ token: text(new FormData(event.currentTarget), "token").replace(/^Bearer\s+/i, "") });
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
    <Submit {...state} />
  </form>
);

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
