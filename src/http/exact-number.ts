/** Finds numbers that a double cannot represent, such as 64-bit ids: JSON.parse would change them silently. */

/** Takes the place of such a number in a parsed body. No schema accepts it as a number. */
export class InexactNumber {
  readonly source: string;
  constructor(source: string) {
    this.source = source;
  }
}

/** Sixteen digits, with or without a decimal point, or an exponent. Text without a match contains no such number. */
const SUSPICIOUS = /[\d.]{16}|\d[eE]/;

/** JSON.parse, but with an InexactNumber for each number that a double would change. */
export function parseExactly(text: string): unknown {
  if (!SUSPICIOUS.test(text)) return JSON.parse(text);
  const reviver = (_: string, value: unknown, context?: { source?: string }) => {
    const source = context?.source;
    return typeof value !== "number" || source === undefined || isExact(value, source)
      ? value
      : new InexactNumber(source);
  };
  return JSON.parse(text, reviver as Parameters<typeof JSON.parse>[1]);
}

/** The first InexactNumber in a parsed value, or null. */
export function inexactIn(value: unknown): InexactNumber | null {
  if (value instanceof InexactNumber) return value;
  if (typeof value !== "object" || value === null) return null;
  for (const member of Object.values(value)) {
    const inexact = inexactIn(member);
    if (inexact) return inexact;
  }
  return null;
}

const inexact = ({ source }: InexactNumber) =>
  `a number that cannot be kept exactly, ${source.slice(0, 40)}: send it as a string`;

/** What is wrong with a member that is an InexactNumber, or has one in it; null when nothing is. */
export const isInexact = (value: unknown): string | null =>
  value instanceof InexactNumber ? `is ${inexact(value)}` : null;
export function holdsInexact(value: unknown): string | null {
  const found = inexactIn(value);
  return found && `holds ${inexact(found)}`;
}

const isExact = (value: number, source: string) =>
  Number.isFinite(value) && canonical(String(value)) === canonical(source);

/** One spelling for all spellings of the same decimal number; every zero is "0". */
function canonical(number: string): string {
  const [, sign = "", whole = "", fraction = "", exponent = "0"] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(number) ?? [];
  const all = (whole + fraction).replace(/^0+/, "");
  const digits = all.replace(/(?<!0)0+$/, "");
  if (digits === "") return "0";
  return `${sign}${digits}e${Number(exponent) - fraction.length + all.length - digits.length}`;
}
