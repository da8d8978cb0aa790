/** What the next turn would send to the model: how much of what, and what is left out and why. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import type { History } from "./history.ts";
import { useSession } from "../session.tsx";
import type { Context } from "../types.ts";
import { Failed, Loading } from "../ui/state.tsx";
import { number } from "../ui/time.tsx";
import { say, type Word } from "../words.ts";
import { transcriptKey } from "./use-transcript.ts";

const REASON: Record<string, Word> = {
  max_context_length: "leftWindow",
  input_budget: "leftBudget",
  deleted: "leftDeleted",
  failed: "leftFailed",
  empty: "leftEmpty",
};

export function ContextPanel({ id }: { id: string }) {
  const { api } = useSession();
  const client = useQueryClient();
  const { data, error, isPending, refetch } = useQuery({
    queryKey: ["context", id],
    refetchOnMount: "always",
    queryFn: ({ signal }) => api.get<Context>(`/conversation/${id}/context`, {}, signal),
  });
  if (isPending) return <Loading />;
  if (error) return <Failed error={error} retry={refetch} />;
  const texts = new Map(client.getQueryData<History>(transcriptKey(id))?.messages.map((one) => [one.id, one.content]));
  const budget = data.max_input_tokens;
  return (
    <div className="stack">
      <p>
        <strong>{say("tokensTotal", { n: number(data.total_tokens) })}</strong>{" "}
        {budget !== null && <span className="muted">{say("ofBudget", { n: number(budget) })}</span>}
      </p>
      {budget !== null && (
        <progress max={budget} value={Math.min(budget, data.total_tokens)} aria-label={say("context")} />
      )}
      <ol className="context">
        <Part name={say("instructions")} tokens={data.instructions_tokens} />
        {data.tools_tokens > 0 && <Part name={say("tools")} tokens={data.tools_tokens} />}
        {data.summary && (
          <Part
            name={say("summaryUpTo", { n: data.summary.upto_sequence })}
            tokens={data.summary.tokens}
            text={data.summary.text}
          />
        )}
        {data.messages.map(({ message_id, sequence, role, tokens }) => (
          <Part
            key={message_id}
            name={`${sequence} · ${say(role === "user" ? "visitor" : "agent")}`}
            tokens={tokens}
            text={texts.get(message_id)}
          />
        ))}
      </ol>
      {data.left_out.length > 0 && (
        <section>
          <h2 className="sub">{say("leftOut")}</h2>
          <ul className="plain-list">
            {data.left_out.map(({ reason, messages, first_sequence, last_sequence }) => (
              <li key={`${reason} ${first_sequence}`}>
                {say("leftOutLine", { n: messages, from: first_sequence, to: last_sequence })}{" "}
                <span className="muted">{say(REASON[reason] ?? "leftWindow")}</span>
              </li>
            ))}
          </ul>
        </section>
      )}
    </div>
  );
}

const Part = ({ name, tokens, text }: { name: string; tokens: number; text?: string | undefined }) => (
  <li>
    <span className="context-name">{name}</span>
    <span className="muted">{number(tokens)}</span>
    {text && (
      <span className="context-text" dir="auto">
        {text}
      </span>
    )}
  </li>
);
