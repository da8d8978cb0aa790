/** A database that is far away. */
import { metered } from "./metered-database.ts";

/** Milliseconds that every answer of it takes longer. */
export const FAR = 30;

export const far = (db: D1Database): D1Database => metered(db, () => scheduler.wait(FAR));
