/** The sections of the settings, and what each needs. */
import type { Scope } from "../types.ts";
import type { Word } from "../words.ts";

export type Section = { name: string; label: Word; needs: Scope };

export const SETTINGS: Section[] = [
  { name: "deleted", label: "deleted", needs: "read" },
  { name: "keys", label: "apiKeys", needs: "admin" },
  { name: "providers", label: "providers", needs: "admin" },
  { name: "budgets", label: "budgets", needs: "admin" },
  { name: "issuers", label: "issuers", needs: "admin" },
  { name: "webhooks", label: "webhooks", needs: "admin" },
  { name: "users", label: "users", needs: "admin" },
  { name: "audit", label: "audit", needs: "admin" },
  { name: "erasures", label: "erasures", needs: "admin" },
  { name: "company", label: "company", needs: "admin" },
];
