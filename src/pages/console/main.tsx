/** Starts the console. */
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app.tsx";
import { storedCredential } from "./credential.ts";
import { comeBack } from "./identity-provider.ts";
import { applyTheme } from "./theme.ts";
import { preferredLanguage, speak } from "./words.ts";

applyTheme();
const stored = storedCredential();
const arrival = comeBack() ?? (stored && (async () => stored));
const root = document.getElementById("root");
if (!root) throw new Error("The page has no #root");
await speak(preferredLanguage()).catch(() => speak("en"));
createRoot(root).render(
  <StrictMode>
    <App arrival={arrival} />
  </StrictMode>,
);
