/**
 * One request to the API, with the token in the header and never in an address. Failures have one shape. It is an
 * XMLHttpRequest, because pages replace `fetch` far more often, by one that holds a stream back or adds headers.
 */
import { toJson } from "./json.ts";

/** `code` is that of the problem document, or "network" when no answer came. */
export class RequestFailed extends Error {
  readonly code: string;
  readonly status: number;
  constructor(code: string, status = 0) {
    super(code);
    this.code = code;
    this.status = status;
  }
}

export type Request = {
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
  /** Gets the text of an event stream as it arrives. */
  hear?: (text: string) => void;
  /** Milliseconds without a byte after which the answer counts as broken off. */
  silence?: number;
};

/** The text of a good answer, whole. */
type Answer = { text: string; json: <T>() => T };

/** `token` null sends none. Throws RequestFailed, also when the answer breaks off. */
export function send(url: string, method: string, token: string | null, request: Request = {}): Promise<Answer> {
  const { body, headers = {}, signal, hear, silence } = request;
  return new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest();
    const fail = () => reject(new RequestFailed("network"));
    let heard = 0;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const listen = () => {
      clearTimeout(timer);
      if (silence !== undefined && xhr.readyState < XMLHttpRequest.DONE) timer = setTimeout(() => xhr.abort(), silence);
      if (!hear || !isGood(xhr) || !isEventStream(xhr)) return;
      const text = xhr.responseText.slice(heard);
      heard += text.length;
      try {
        if (text !== "") hear(text);
      } catch {
        xhr.abort();
      }
    };
    xhr.addEventListener("progress", listen);
    xhr.addEventListener("load", () => {
      listen();
      if (isGood(xhr)) resolve({ text: xhr.responseText, json: () => JSON.parse(xhr.responseText) });
      else reject(new RequestFailed(codeOf(xhr), xhr.status));
    });
    for (const end of ["error", "abort"]) xhr.addEventListener(end, fail);
    xhr.addEventListener("loadend", () => clearTimeout(timer));
    signal?.addEventListener("abort", () => xhr.abort(), { once: true });
    if (signal?.aborted) return fail();
    xhr.open(method, url);
    if (token !== null) xhr.setRequestHeader("authorization", `Bearer ${token}`);
    if (body !== undefined) xhr.setRequestHeader("content-type", "application/json");
    for (const [name, value] of Object.entries(headers)) xhr.setRequestHeader(name, value);
    xhr.send(body === undefined ? null : toJson(body));
    listen();
  });
}

const isGood = ({ status }: XMLHttpRequest): boolean => status >= 200 && status < 300;

const isEventStream = (xhr: XMLHttpRequest): boolean =>
  xhr.getResponseHeader("content-type")?.startsWith("text/event-stream") ?? false;

function codeOf(xhr: XMLHttpRequest): string {
  try {
    return String(JSON.parse(xhr.responseText).code ?? "internal_error");
  } catch {
    return "internal_error";
  }
}
