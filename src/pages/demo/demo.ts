/**
 * Beside the shop, where there is room, the console of its staff: at the visitor's own conversation once there is one. An
 * address that ends with `#<api key>:<secret>` signs it in; the key stays in this tab and does not stay in the address.
 */
import { storeCredential } from "../console/credential.ts";
import { openStore } from "../widget/storage.ts";

type Chat = { push: (call: ["on", "message", () => void]) => void };

const desk = document.querySelector<HTMLElement>(".desk");
const frame = desk?.querySelector("iframe");
const agent_id = document.querySelector<HTMLScriptElement>("script[data-agent-id]")?.dataset["agentId"] ?? "";
const isAlone = new URL(location.href).searchParams.has("alone");

const [, api_key, api_secret] = /^#(ak_[\w-]+):(as_[\w-]+)$/.exec(location.hash) ?? [];
if (api_key && api_secret) {
  storeCredential({ api_key, api_secret });
  history.replaceState(null, "", location.pathname + location.search);
}

if (!frame || agent_id === "" || isAlone) desk?.remove();
else {
  // Where the widget keeps who its visitor is.
  const kept = openStore("localStorage", `conversations:${location.origin}:${agent_id}:`);
  const hasRoom = matchMedia("(min-width: 72rem)");
  let shown = "";
  const show = () => {
    const id = kept.read<{ conversation_id: string | null }>("session")?.conversation_id;
    const path = `/console/inbox${id ? `/${id}` : ""}`;
    if (!hasRoom.matches || path === shown) return;
    shown = path;
    frame.src = path;
  };
  show();
  hasRoom.addEventListener("change", show);
  // The widget may not be there yet: it takes what it finds under this name.
  const page = window as { Conversations?: Chat | unknown[] };
  ((page.Conversations ??= []) as Chat).push(["on", "message", show]);
}
