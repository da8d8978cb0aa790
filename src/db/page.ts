/** Input and output of every list query, for pages by number and by cursor alike. */

/** Where to start, and how many rows to read. */
export type Slice = { after: (string | number)[] | null; offset: number; limit: number };

/** The rows of a slice, and the total of the whole list. */
export type Rows<T> = { rows: T[]; total: number };
