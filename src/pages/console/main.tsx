/** Starts the console. */
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app.tsx";
import { applyTheme } from "./theme.ts";
import { preferredLanguage, speak } from "./words.ts";

applyTheme();
const root = document.getElementById("root");
if (!root) throw new Error("The page has no #root");
await speak(preferredLanguage()).catch(() => speak("en"));
createRoot(root).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
