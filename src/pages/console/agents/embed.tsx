/** The line that puts an agent on a website. */
import { useQuery } from "@tanstack/react-query";
import { useSession } from "../session.tsx";
import { CopyLine } from "../ui/copy.tsx";
import { say } from "../words.ts";

export function EmbedCode({ id }: { id: string }) {
  const { api } = useSession();
  const { data } = useQuery({
    queryKey: [`/agent/${id}/embed-code`],
    queryFn: ({ signal }) =>
      api.get<{ html: string; allowed_origins: string[] }>(`/agent/${id}/embed-code`, {}, signal),
  });
  if (!data) return null;
  return (
    <section className="card panel">
      <h2>{say("embed")}</h2>
      <CopyLine label={say("embedHint")} text={data.html} />
      {data.allowed_origins.length === 0 && <p className="hint">{say("noOrigins")}</p>}
    </section>
  );
}
