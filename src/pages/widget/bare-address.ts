/** Addresses without any markup (GFM autolinks), in time that grows with their length. */

const WEB = /^(?:https?:\/\/|www\.)[\p{L}\p{N}[][^\s<]*/iu;
const MAIL = /^[\w.+-]{1,64}@[\w-]+(?:\.[\w-]+)+/;
/**
 * No address goes on behind a full-width mark, a quotation mark or a dash; nor where CJK letters follow Latin ones directly,
 * or a particle of Japanese or Korean the last slash.
 */
const END =
  /(?![\0-~])[\p{Ps}\p{Pe}\p{Pi}\p{Pf}\p{Po}\p{Z}\u2014\u2015\uff00-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65]|(?<=\/)(?:[をはがにでへとのも]|(?:을|를|은|는|의|로|에|에서|와|과)(?!\p{sc=Hang}))|(?<=[a-z\d])[\p{sc=Han}\p{sc=Hira}\p{sc=Kana}\p{sc=Hang}]/iu;
const TRAILING = /[?!.,:;*_~'")\]]/;

/** The address that a text begins with: as written, and where it leads. */
export function addressAt(text: string): { raw: string; href: string } | null {
  const web = WEB.exec(text)?.[0];
  if (web) {
    const raw = trim(web.slice(0, END.exec(web)?.index));
    return { raw, href: /^w/i.test(raw) ? `http://${raw}` : raw };
  }
  const mail = MAIL.exec(text)?.[0].replace(/(?<![-_])[-_]+$/, "");
  return mail ? { raw: mail, href: `mailto:${mail}` } : null;
}

/** Without the marks of the sentence around it; a bracket that was opened in the address is a part of it. */
function trim(address: string): string {
  let end = address.length;
  let closing = 0;
  for (const character of address) closing += character === ")" ? 1 : character === "(" ? -1 : 0;
  while (end > 0 && TRAILING.test(address.charAt(end - 1))) {
    if (address.charAt(end - 1) === ")" && closing-- <= 0) break;
    end--;
  }
  return address.slice(0, end);
}
