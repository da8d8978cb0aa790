/** Who had the conversation and since when, and its figures. */
import { useQuery } from "@tanstack/react-query";
import { useSession } from "../session.tsx";
import type { Conversation, Handling, Usage } from "../types.ts";
import { Copy } from "../ui/copy.tsx";
import { useList } from "../ui/list.ts";
import { Failed, Loading } from "../ui/state.tsx";
import { More } from "../ui/table.tsx";
import { number, span, Time } from "../ui/time.tsx";
import { say } from "../words.ts";

const ACTION = { take_over: "tookOver", give_back: "gaveBack", hand_over: "askedForPerson" } as const;

/** Why it happened by itself, where it is known. */
function reasonOf(reason: string): string {
  if (reason === "return_after") return say("timeOver");
  return reason === "model" ? say("modelAsked") : reason;
}

type Figures = {
  turn_count: number;
  failed_turns: number;
  stopped_turns: number;
  deleted_message_count: number;
  first_response_time_ms: number | null;
  p50_response_time_ms: number | null;
  p95_response_time_ms: number | null;
  usage: Usage | null;
};

export function Activity({ conversation }: { conversation: Conversation }) {
  const { api } = useSession();
  const { id } = conversation;
  const handling = useList<Handling>(`/conversation/${id}/handling`, "handling");
  const figures = useQuery({
    queryKey: [`/analytic/conversation/${id}`, conversation.message_count],
    queryFn: ({ signal }) => api.get<Figures>(`/analytic/conversation/${id}`, {}, signal),
  });
  return (
    <div className="stack">
      <section>
        <h2 className="sub">{say("handling")}</h2>
        {handling.isPending && <Loading rows={2} />}
        {handling.error && <Failed error={handling.error} retry={handling.refetch} />}
        <ol className="timeline">
          {handling.rows.map((entry, index) => (
            <li key={index}>
              <span>
                {entry.by ? (entry.by.name ?? say("colleague")) : say("byItself")}: {say(ACTION[entry.action])}
              </span>
              {entry.reason && <span className="muted">{reasonOf(entry.reason)}</span>}
              <Time at={entry.at} />
            </li>
          ))}
        </ol>
        {handling.rows.length === 0 && !handling.isPending && <p className="muted">{say("alwaysAgent")}</p>}
        <More list={handling} />
      </section>
      <section>
        <h2 className="sub">{say("figures")}</h2>
        {figures.isPending && <Loading rows={2} />}
        {figures.error && <Failed error={figures.error} retry={figures.refetch} />}
        {figures.data && <FigureList figures={figures.data} />}
      </section>
      <section>
        <h2 className="sub">{say("identifier")}</h2>
        <div className="row">
          <code className="clip">{id}</code>
          <Copy text={id} label={say("identifier")} />
        </div>
      </section>
    </div>
  );
}

function FigureList({ figures }: { figures: Figures }) {
  const { usage } = figures;
  const rows: [string, string][] = [
    [say("turns"), number(figures.turn_count)],
    [say("failedTurns"), number(figures.failed_turns)],
    [say("stoppedTurns"), number(figures.stopped_turns)],
    [say("deletedMessages"), number(figures.deleted_message_count)],
    [say("firstResponse"), span(figures.first_response_time_ms)],
    [say("median"), span(figures.p50_response_time_ms)],
    [say("p95"), span(figures.p95_response_time_ms)],
    [say("tokensIn"), usage ? number(usage.input_tokens) : "–"],
    [say("tokensOut"), usage ? number(usage.output_tokens) : "–"],
  ];
  return (
    <dl className="facts">
      {rows.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
