/** Numbers that JSON can write and a double cannot keep, such as 64-bit ids: found, so that nothing is changed silently. */

/** Stands in a parsed body where such a number was. No schema takes it for a number. */
export class InexactNumber {
  readonly source: string;
  constructor(source: string) {
    this.source = source;
  }
}

/** Text without any of this holds no such number: sixteen digits, perhaps with a point among them, or an exponent. */
const SUSPICIOUS = /[\d.]{16}|\d[eE]/;

/** JSON.parse, but with an InexactNumber for each number that would come back as another one. */
export function parseExactly(text: string): unknown {
  if (!SUSPICIOUS.test(text)) return JSON.parse(text);
  const reviver = (_: string, value: unknown, context?: { source?: string }) => {
    const source = context?.source;
    return typeof value !== "number" || source === undefined || isKept(value, source)
      ? value
      : new InexactNumber(source);
  };
  return JSON.parse(text, reviver as Parameters<typeof JSON.parse>[1]);
}

/** The first of them inside a value of JSON, or null. */
export function inexactIn(value: unknown): InexactNumber | null {
  if (value instanceof InexactNumber) return value;
  if (typeof value !== "object" || value === null) return null;
  for (const member of Object.values(value)) {
    const found = inexactIn(member);
    if (found) return found;
  }
  return null;
}

const isKept = (value: number, source: string) =>
  Number.isFinite(value) && canonical(String(value)) === canonical(source);

/** Digits and exponent of a decimal number, however it is written; every zero is the same. */
function canonical(number: string): string {
  const [, sign = "", whole = "", fraction = "", exponent = "0"] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(number) ?? [];
  const all = (whole + fraction).replace(/^0+/, "");
  const digits = all.replace(/0+$/, "");
  if (digits === "") return "0";
  return `${sign}${digits}e${Number(exponent) - fraction.length + all.length - digits.length}`;
}
