/** Registers a visitor once, and mounts the recipe. */
import { createRoot } from "react-dom/client";
import { Chat, loadMessages, register, type Visitor } from "recipe";

const { api = "", agent = "" } = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));

async function visitorOf(): Promise<Visitor> {
  const kept = localStorage.getItem("visitor");
  if (kept !== null) return JSON.parse(kept) as Visitor;
  const visitor = await register(api, agent);
  localStorage.setItem("visitor", JSON.stringify(visitor));
  return visitor;
}

const visitor = await visitorOf();
const root = document.getElementById("root");
if (root) createRoot(root).render(<Chat visitor={visitor} initial={await loadMessages(visitor)} />);
