/** A conversation as every route shows it. */
import * as z from "zod";
import { id, metadata, timestamp, orNull } from "../../http/fields.ts";
import { holdSchema } from "../hold-schema.ts";
import { lazy } from "../../lazy.ts";

const entityType = lazy(() => z.enum(["user", "lead"]));

export const conversationSchema = lazy(() =>
  z
    .object({
      id: id(),
      company_id: id(),
      agent_id: id(),
      entity_type: entityType(),
      entity_id: id(),
      title: z.string().meta({ description: "Given, or made of the first turn." }),
      metadata: metadata(),
      max_context_length: z.int().meta({ description: "How many of the latest live messages the model is shown." }),
      status: z.enum(["active", "archived", "deleted"]).meta({
        description: "`archived`: put away by `PATCH`, and otherwise like an active one.",
      }),
      message_count: z.int().meta({ description: "Live messages." }),
      last_message_at: timestamp().nullable().meta({ description: "null while nothing has been said." }),
      handled_by: z.enum(["agent", "staff"]).meta({ description: "Who answers." }),
      handler: z
        .object({ entity_id: id(), name: z.string().nullable() })
        .nullable()
        .meta({ description: "The person who has it." }),
      waiting_since: timestamp().nullable().meta({ description: "Since when a person is waited for." }),
      unread: z
        .object({ lead: z.int(), staff: z.int() })
        .meta({ description: "Live messages that a side has not read of what the other wrote." }),
      created_at: timestamp(),
      updated_at: timestamp(),
      deleted_at: timestamp().nullable(),
      deleted_by: z.string().nullable().meta({ description: "Id of the user or lead who deleted it." }),
      hold: orNull(holdSchema()),
    })
    .meta({ id: "Conversation", description: "A conversation between one user or lead and one agent." }),
);
