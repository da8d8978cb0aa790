/** The agents of the company, whose names stand beside every conversation. */
import { useMemo } from "react";
import type { Agent } from "../types.ts";
import { useList } from "../ui/list.ts";

/** The newest hundred: who has more finds the others on their own page. */
export function useAgents() {
  const { rows, ...rest } = useList<Agent>("/agent", "agents", { per_page: 100 });
  const names = useMemo(() => new Map(rows.map(({ id, name }) => [id, name])), [rows]);
  return { agents: rows, nameOf: (id: string): string => names.get(id) ?? "–", ...rest };
}
