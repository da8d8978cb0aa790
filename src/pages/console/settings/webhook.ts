/** A webhook as the API has it. */

export const WEBHOOKS = "/webhook";

export type Webhook = {
  id: string;
  url: string;
  events: string[] | null;
  description: string;
  payload: "thin" | "full";
  disabled_at: string | null;
};
