/**
 * /setup: exchanges the token of a link for the first admin key. The token is in the fragment, which a browser sends to no
 * server; it leaves the address, and with it the history, before anything else happens. The key is nowhere but on the screen.
 */

type Setup = { company: { name: string }; api_key: string; api_secret: string };

/** The first agent. curl reads headers from a file, so that no secret is in the shell's history. */
const NEXT = `curl ${location.origin}/v1/agent -H @key.txt -H 'Content-Type: application/json' \\
  -d '{"name": "First", "model": "builtin/faq",
       "knowledge": [{"question": "When are you open?", "answer": "From nine to five."}]}'`;

const token = location.hash.slice(1);
history.replaceState(null, "", location.pathname);

const find = <E extends HTMLElement>(id: string): E => document.getElementById(id) as E;
const form = find<HTMLFormElement>("form");
const field = find<HTMLInputElement>("name");
const say = (text: string) => (find("status").textContent = text);

if (token === "") say("Open the whole link, with what comes after the #. After a reload, open it once more.");
else form.hidden = false;

form.addEventListener("submit", (event) => {
  event.preventDefault();
  void exchange();
});

async function exchange(): Promise<void> {
  const button = form.querySelector("button") as HTMLButtonElement;
  button.disabled = true;
  say("");
  const headers = { "content-type": "application/json" };
  const body = JSON.stringify({ token, name: field.value });
  try {
    const response = await fetch("/v1/setup", { method: "POST", headers, body });
    const answer = (await response.json()) as Setup & { detail?: string };
    if (response.ok) show(answer);
    else say(answer.detail ?? `The service answered ${response.status}.`);
  } catch {
    say(
      "No answer came. Try again; if the link turns out to be used, make a new one: npm run company -- link --remote",
    );
  }
  button.disabled = false;
}

function show({ company: { name }, api_key, api_secret }: Setup): void {
  const key = find<HTMLTextAreaElement>("key");
  find("made-name").textContent = name;
  key.value = `X-API-Key: ${api_key}\nX-API-Secret: ${api_secret}`;
  find("next").textContent = NEXT;
  find("copy").addEventListener("click", () => void copy(key));
  addEventListener("beforeunload", (event) => event.preventDefault());
  form.hidden = true;
  find("made").hidden = false;
  find("made").querySelector("h1")?.focus();
}

/** Without permission for the clipboard the text is selected, for the keyboard. */
async function copy(key: HTMLTextAreaElement): Promise<void> {
  key.select();
  try {
    await navigator.clipboard.writeText(key.value);
    say("Copied.");
  } catch {
    say("Selected: copy it with the keyboard.");
  }
}
