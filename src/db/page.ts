/** What every list query takes and returns, however its page was asked for. */

/** Where to start, and how many rows to read. */
export type Slice = { after: (string | number)[] | null; offset: number; limit: number };

/** Rows of a slice, one more than shown where there are more, and how many rows the whole list has. */
export type Rows<T> = { rows: T[]; total: number };
