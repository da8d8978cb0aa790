/** Signed in or not, and the pages of the console. */
import { CSPProvider } from "@base-ui/react/csp-provider";
import { DirectionProvider } from "@base-ui/react/direction-provider";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { Router } from "wouter";
import { type Credential, Refused } from "./api.ts";
import { forgetDrafts, writeAs } from "./conversation/drafts.ts";
import { forgetCredential, storeCredential } from "./credential.ts";
import { newSession, SessionContext } from "./session.tsx";
import { Shell } from "./shell/shell.tsx";
import { Arrive } from "./shell/arrive.tsx";
import { SignIn } from "./shell/sign-in.tsx";
import type { Identity } from "./types.ts";
import { Toasts } from "./ui/toast.tsx";
import { currentLanguage, isRightToLeft, type Language, remember, say, speak } from "./words.ts";
import { LanguageContext } from "./shell/language.tsx";

/** What the service refuses stays refused; what it could not do just now is tried again. */
const shouldRetry = (failures: number, error: Error): boolean =>
  failures < 2 && error instanceof Refused && (error.status === 0 || error.status >= 500);

const newClient = () =>
  new QueryClient({
    defaultOptions: { queries: { retry: shouldRetry, staleTime: 5_000, refetchOnWindowFocus: true } },
  });

type SignedIn = { credential: Credential; me: Identity };

/** `arrival`: what finds out the credential that the tab comes with, if it comes with one. */
export function App({ arrival }: { arrival: (() => Promise<Credential>) | null }) {
  const [language, setLanguage] = useState<Language>(currentLanguage());
  const [isArriving, setArriving] = useState(arrival !== null);
  const [signedIn, setSignedIn] = useState<SignedIn | null>(null);
  const [notice, setNotice] = useState<string | null>(null);
  const [client, setClient] = useState(newClient);

  const session = useMemo(() => {
    if (!signedIn) return null;
    return newSession(signedIn.credential, signedIn.me, (reason) => {
      forgetCredential();
      if (reason !== "expired") forgetDrafts();
      client.clear();
      setClient(newClient());
      setNotice(reason === "expired" ? say("expired") : null);
      setSignedIn(null);
    });
  }, [signedIn, client]);

  const choose = async (chosen: Language) => {
    await speak(chosen);
    remember(chosen);
    setLanguage(chosen);
  };
  const enter = (entered: SignedIn) => {
    storeCredential(entered.credential);
    writeAs(`${entered.me.company_id} ${entered.me.entity_id}`);
    setNotice(null);
    setArriving(false);
    setSignedIn(entered);
  };
  const fail = (reason: string) => {
    setNotice(reason);
    setArriving(false);
  };

  return (
    <CSPProvider disableStyleElements>
      <DirectionProvider direction={isRightToLeft() ? "rtl" : "ltr"}>
        <LanguageContext value={{ language, choose }} key={language}>
          <QueryClientProvider client={client}>
            <Toasts>
              {session ? (
                <SessionContext value={session}>
                  <Router base="/console">
                    <Shell />
                  </Router>
                </SessionContext>
              ) : isArriving && arrival ? (
                <Arrive arrival={arrival} onDone={enter} onFail={fail} />
              ) : (
                <SignIn onDone={enter} notice={notice} />
              )}
            </Toasts>
          </QueryClientProvider>
        </LanguageContext>
      </DirectionProvider>
    </CSPProvider>
  );
}
