/** The form of an agent. What the service refuses stands at the field that it is about. */
import { type FormEvent, useState } from "react";
import { Refused } from "../api.ts";
import type { Agent } from "../types.ts";
import { Check, errorAt, Field, Select, TextArea } from "../ui/field.tsx";
import { say } from "../words.ts";
import { linesOf, modelOf, numberOf, textOf } from "./draft.ts";
import { type Hours, HoursFields } from "./hours.tsx";
import { KnowledgeFields } from "./knowledge.tsx";
import { ModelTest } from "./model-test.tsx";
import { areAllJson, draftOf, ToolFields, toolOf } from "./tools.tsx";
import { Wrong } from "../ui/state.tsx";

type FormProps = {
  agent: Agent;
  save: { mutate: (saved: { draft: Agent; tools: object[] | null }) => void; isPending: boolean; error: Error | null };
  isReadOnly: boolean;
};

export function AgentForm({ save, isReadOnly, ...props }: FormProps) {
  const [agent] = useState(props.agent);
  const [draft, setDraft] = useState(agent);
  const [origins, setOrigins] = useState(agent.allowed_origins.join("\n"));
  const [models, setModels] = useState([agent.model].flat().join("\n"));
  const formerStops = (agent["stop"] as string[]).join("\n");
  const [stops, setStops] = useState(formerStops);
  const [formerTools] = useState(() => agent.tools.map(draftOf));
  const [tools, setTools] = useState(formerTools);
  const set = (part: Partial<Agent>) => setDraft({ ...draft, ...part });
  const errors = save.error instanceof Refused ? save.error.errors : [];
  const at = (path: string) => errorAt(errors, path);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const saved = { ...draft, allowed_origins: linesOf(origins), model: modelOf(models), stop: linesOf(stops) };
    // Left out, tools and their secrets stay as they are.
    save.mutate({ draft: saved, tools: tools === formerTools ? null : tools.map(toolOf) });
  };
  const isChanged =
    draft !== agent ||
    tools !== formerTools ||
    stops !== formerStops ||
    origins !== agent.allowed_origins.join("\n") ||
    models !== [agent.model].flat().join("\n");
  return (
    <form className="card panel" onSubmit={submit}>
      <fieldset disabled={isReadOnly || save.isPending}>
        <div className="columns">
          <Field
            label={say("name")}
            value={draft.name}
            maxLength={200}
            required
            error={at("/name")}
            onChange={(e) => set({ name: e.target.value })}
          />
          <Select
            label={say("status")}
            value={draft.status}
            options={[
              ["active", say("active")],
              ["inactive", say("inactive")],
            ]}
            onChange={(e) => set({ status: e.target.value as Agent["status"] })}
          />
        </div>
        <Field
          label={say("description")}
          value={draft.description}
          maxLength={2000}
          error={at("/description")}
          onChange={(e) => set({ description: e.target.value })}
        />
        <TextArea
          label={say("instructions")}
          hint={say("instructionsHint")}
          rows={8}
          maxLength={32_000}
          value={draft.instructions}
          error={at("/instructions")}
          onChange={(e) => set({ instructions: e.target.value })}
        />
        <TextArea
          label={say("greeting")}
          rows={2}
          maxLength={2000}
          value={draft.greeting}
          error={at("/greeting")}
          onChange={(e) => set({ greeting: e.target.value })}
        />
        <TextArea
          label={say("model")}
          hint={say("modelHint")}
          rows={2}
          required
          spellCheck={false}
          value={models}
          error={at("/model")}
          onChange={(e) => setModels(e.target.value)}
        />
        <ModelTest models={linesOf(models)} />
        <div className="columns">
          <Field
            label={say("temperature")}
            type="number"
            min={0}
            max={2}
            step="any"
            value={textOf(draft.temperature)}
            error={at("/temperature")}
            onChange={(e) => set({ temperature: numberOf(e.target.value) })}
          />
          <Field
            label={say("maxOutput")}
            type="number"
            min={1}
            value={textOf(draft.max_output_tokens)}
            error={at("/max_output_tokens")}
            onChange={(e) => set({ max_output_tokens: numberOf(e.target.value) })}
          />
          <Field
            label={say("maxInput")}
            type="number"
            min={100}
            value={textOf(draft["max_input_tokens"])}
            error={at("/max_input_tokens")}
            onChange={(e) => set({ max_input_tokens: numberOf(e.target.value) })}
          />
          <Field
            label={say("contextLength")}
            type="number"
            min={1}
            max={4000}
            required
            value={textOf(draft.max_context_length)}
            error={at("/max_context_length")}
            onChange={(e) => set({ max_context_length: Number(e.target.value) })}
          />
        </div>
        <TextArea
          label={say("stops")}
          hint={say("oneLine")}
          rows={2}
          value={stops}
          error={at("/stop")}
          onChange={(e) => setStops(e.target.value)}
        />
        <div className="row wrap">
          <Check
            label={say("summarize")}
            checked={draft["summarize"] === true}
            onChange={(e) => set({ summarize: e.target.checked })}
          />
          <Check
            label={say("autoTitle")}
            checked={draft["auto_title"] === true}
            onChange={(e) => set({ auto_title: e.target.checked })}
          />
          <Check
            label={say("mayHandOver")}
            checked={draft["hand_over"] === true}
            onChange={(e) => set({ hand_over: e.target.checked })}
          />
        </div>
        <div className="columns">
          <TextArea
            label={say("origins")}
            hint={say("originsHint")}
            rows={3}
            spellCheck={false}
            value={origins}
            error={at("/allowed_origins")}
            onChange={(e) => setOrigins(e.target.value)}
          />
          <Select
            label={say("leadForm")}
            value={draft.lead_form}
            options={[
              ["none", say("leadFormNone")],
              ["optional", say("leadFormOptional")],
              ["required", say("leadFormRequired")],
            ]}
            onChange={(e) => set({ lead_form: e.target.value as Agent["lead_form"] })}
          />
        </div>
        {draft["hand_over"] === true && (
          <HoursFields hours={draft["hours"] as Hours | null} errors={errors} onChange={(hours) => set({ hours })} />
        )}
        <KnowledgeFields knowledge={draft.knowledge} errors={errors} onChange={(knowledge) => set({ knowledge })} />
        <ToolFields tools={tools} errors={errors} onChange={setTools} />
        <Wrong error={save.error} />
        {!isReadOnly && (
          <div className="actions">
            <button
              type="submit"
              className="button primary"
              disabled={!isChanged || !areAllJson(tools) || save.isPending}
            >
              {say(save.isPending ? "saving" : "save")}
            </button>
          </div>
        )}
      </fieldset>
    </form>
  );
}
