/** A legal hold as objects show it, and what makes one. */
import * as z from "zod";
import { timestamp, visibleText } from "../http/fields.ts";
import { lazy } from "../lazy.ts";

export const holdSchema = lazy(() =>
  z
    .object({ reason: z.string(), since: timestamp() })
    .meta({ id: "Hold", description: "While there is one, nothing goes for good. Visitors are not shown it." }),
);

export const holdBody = lazy(() => z.strictObject({ reason: visibleText(500) }).meta({ id: "HoldBody" }));
