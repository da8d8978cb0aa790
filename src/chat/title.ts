/** Titles of conversations: what somebody can see, or the default one. Pure. */
import { lazy } from "../lazy.ts";

export const DEFAULT_TITLE = "New Conversation";

/** Length of an automatic title, in UTF-16 code units, without the ellipsis. */
const LENGTH = 60;

/** White space, controls, and what fonts draw nothing for. */
const UNSEEN = /^[\p{Cc}\p{Cf}\p{Cs}\p{Z}\p{Default_Ignorable_Code_Point}\u2800]+/u;
const LINE_END = /[\n\r\u0085\u2028\u2029]/;

const segmenter = lazy(() => new Intl.Segmenter());

/** The title itself, byte for byte, or the default one where nothing of it is seen. */
export const titleOrDefault = (title: string | undefined): string =>
  title === undefined || title.replace(UNSEEN, "") === "" ? DEFAULT_TITLE : title;

/** The first line of a text in which something is seen, cut behind a word, or else behind what readers take for one character. */
export function titleFrom(text: string): string {
  const seen = text.replace(UNSEEN, "");
  const end = seen.search(LINE_END);
  const line = (end < 0 ? seen : seen.slice(0, end)).replaceAll(/\s+/g, " ").trimEnd();
  if (line.length <= LENGTH) return line || DEFAULT_TITLE;
  const cut = wholeCharacters(line);
  const lastSpace = line[cut.length] === " " ? cut.length : cut.lastIndexOf(" ");
  const words = cut.slice(0, lastSpace > LENGTH / 2 ? lastSpace : cut.length).trimEnd();
  return words === "" ? DEFAULT_TITLE : `${words}…`;
}

/** As many graphemes as fit (UAX #29). */
function wholeCharacters(line: string): string {
  let length = 0;
  for (const { segment } of segmenter().segment(line)) {
    if (length + segment.length > LENGTH) break;
    length += segment.length;
  }
  return line.slice(0, length);
}
