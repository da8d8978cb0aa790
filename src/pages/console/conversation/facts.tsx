/** What a reply took: model, time, tokens, tools, and the models that were tried. */
import { Wrench } from "lucide-react";
import type { Message, ToolCall } from "../types.ts";
import { number, span } from "../ui/time.tsx";
import { say } from "../words.ts";

export function Facts({ message }: { message: Message }) {
  const { model_used, processing_time, usage, tool_calls = [], attempts = [] } = message;
  const parts = [
    model_used,
    processing_time === null ? null : span(processing_time * 1000),
    usage &&
      say(usage.source === "measured" ? "tokens" : "tokensEstimated", {
        input: number(usage.input_tokens),
        output: number(usage.output_tokens),
      }),
    usage?.cost &&
      number(Number(usage.cost.amount), { style: "currency", currency: usage.cost.currency, maximumFractionDigits: 6 }),
  ].filter((part) => part !== null && part !== undefined && part !== "");
  return (
    <div className="facts-line muted">
      <span>{parts.join(" · ")}</span>
      {tool_calls.length > 0 && (
        <details className="tools">
          <summary>
            <Wrench aria-hidden="true" className="small-icon" />
            {say("toolCalls", { n: tool_calls.length })}
          </summary>
          {tool_calls.map((call) => (
            <Tool key={call.call_id} call={call} />
          ))}
        </details>
      )}
      {attempts.length > 1 && (
        <details className="tools">
          <summary>{say("attempts", { n: attempts.length })}</summary>
          <ol>
            {attempts.map(({ model, status, code, duration_ms }, index) => (
              <li key={index}>
                <code>{model}</code> {status} {code} {span(duration_ms)}
              </li>
            ))}
          </ol>
        </details>
      )}
    </div>
  );
}

const text = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value, null, 2));

const Tool = ({ call }: { call: ToolCall }) => (
  <div className="tool">
    <p>
      <code>{call.name}</code>{" "}
      {say(call.state === "done" ? "toolDone" : call.state === "failed" ? "toolFailed" : "toolUnanswered")}{" "}
      {span(call.duration_ms)}
    </p>
    <pre tabIndex={0} aria-label={say("toolInput")}>
      {text(call.input)}
    </pre>
    {call.output !== null && (
      <pre tabIndex={0} aria-label={say("toolOutput")}>
        {text(call.output)}
      </pre>
    )}
  </div>
);
