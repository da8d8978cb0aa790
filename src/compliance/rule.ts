/** For how long a company keeps what. Pure. */

/** Days; null is for ever. */
export type Retention = {
  conversations_days: number | null;
  deleted_days: number | null;
  leads_days: number | null;
};

/**
 * What holds, given what the company has set and the deployment's RETENTION_DAYS (0: none). That is the most that a company
 * may set, and what is true of deleted things where it has set nothing; what lives goes only where the company says so.
 */
export function effectiveRetention(set: Retention, ceiling: number): Retention {
  const capped = (days: number | null) => (days === null || ceiling === 0 ? days : Math.min(days, ceiling));
  return {
    conversations_days: capped(set.conversations_days),
    deleted_days: capped(set.deleted_days ?? (ceiling === 0 ? null : ceiling)),
    leads_days: capped(set.leads_days),
  };
}
