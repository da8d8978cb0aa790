/** The reference page: Swagger UI over /openapi.json, with examples in three languages before anything is sent. */
import { type Document, exampleRequest } from "./example.ts";
import { nameFields } from "./names.ts";
import { python, typescript } from "./snippets.ts";

/** What is used of the bundle, which has no types; everything in it is React's and Immutable's. */
type System = {
  React: { createElement: (type: unknown, props: unknown, ...children: unknown[]) => unknown; Fragment: unknown };
  Im: { fromJS: (value: unknown) => unknown };
  getComponent: (name: string, container: boolean) => unknown;
};
type Ui = { preauthorizeApiKey: (scheme: string, value: string) => void };
declare const SwaggerUIBundle: (options: object) => Ui;

/** The agent in the document's examples. */
const EXAMPLE_AGENT = "019ab2e0-1c44-7b52-8f0e-5d2c9a7b6e11";

/** Shows the request of an operation in each language above its responses. Once one was sent, that one is shown below. */
const examples = (document: Document) => () => ({
  wrapComponents: {
    responses: (Responses: unknown, system: System) => (props: { path: string; method: string }) => {
      const { createElement, Fragment } = system.React;
      const request = system.Im.fromJS(exampleRequest(document, props.method, props.path));
      const snippets = createElement(system.getComponent("RequestSnippets", true), { request });
      return createElement(
        Fragment,
        null,
        createElement("div", { className: "example" }, snippets),
        createElement(Responses, props),
      );
    },
    // Within a button there may be no link. Opening an operation puts it into the address all the same.
    DeepLink: (_: unknown, system: System) => (props: { text: string }) =>
      system.React.createElement("span", null, props.text),
  },
  fn: { requestSnippetGenerator_typescript: typescript, requestSnippetGenerator_python: python },
});

async function show(place: HTMLElement): Promise<void> {
  const response = await fetch("/openapi.json");
  if (!response.ok) throw new Error(`status ${response.status}`);
  const text = await response.text();
  // Only there where the service runs on the reader's own machine.
  const { key, secret, agent } = place.dataset;
  const spec = JSON.parse(agent ? text.replaceAll(EXAMPLE_AGENT, agent) : text) as Document;
  const ui = SwaggerUIBundle({
    spec,
    domNode: place,
    plugins: [examples(spec)],
    deepLinking: true,
    docExpansion: "list",
    defaultModelsExpandDepth: 0,
    filter: true,
    displayRequestDuration: true,
    tryItOutEnabled: true,
    // A key stays in this tab, and until it is loaded anew.
    persistAuthorization: false,
    validatorUrl: null,
    requestSnippetsEnabled: true,
    requestSnippets: {
      generators: {
        curl_bash: { title: "curl", syntax: "bash" },
        typescript: { title: "TypeScript", syntax: "javascript" },
        python: { title: "Python", syntax: "python" },
      },
    },
    onComplete: () => {
      if (key) ui.preauthorizeApiKey("apiKey", key);
      if (secret) ui.preauthorizeApiKey("apiSecret", secret);
    },
  });
}

const dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", follow);
follow();

const place = document.querySelector<HTMLElement>("#reference");
if (place) {
  nameFields(place);
  show(place).catch((error: unknown) => {
    place.role = "alert";
    place.textContent = `The document could not be loaded (${String(error)}). Reload to try again.`;
  });
}
