/** What an agent's model may call. A secret is never read back: it stays as it is where none is written. */
import { Plus, Trash2 } from "lucide-react";
import type { FieldError } from "../api.ts";
import type { Tool } from "../types.ts";
import { errorAt, Field, TextArea } from "../ui/field.tsx";
import { say } from "../words.ts";

const MOST = 16;

/** A tool as the form has it: its schema is text until it is sent. */
export type ToolDraft = Omit<Tool, "parameters" | "secret_header"> & {
  parameters: string;
  header: string;
  secret: string;
  hasSecret: boolean;
};

export const draftOf = ({ parameters, secret_header, ...tool }: Tool): ToolDraft => ({
  ...tool,
  parameters: JSON.stringify(parameters, null, 2),
  header: secret_header?.name ?? "",
  secret: "",
  hasSecret: secret_header?.has_secret ?? false,
});

/** As the service takes it. Throws when the schema is no JSON. */
export const toolOf = ({ name, description, url, timeout_ms, parameters, header, secret }: ToolDraft) => ({
  name,
  description,
  url,
  timeout_ms,
  parameters: JSON.parse(parameters) as unknown,
  secret_header: header === "" ? null : { name: header, ...(secret === "" ? {} : { value: secret }) },
});

const NEW: ToolDraft = {
  name: "",
  description: "",
  url: "",
  timeout_ms: 10_000,
  header: "",
  secret: "",
  hasSecret: false,
  parameters: '{\n  "type": "object",\n  "properties": {}\n}',
};

const isJson = (text: string): boolean => {
  try {
    return typeof JSON.parse(text) === "object";
  } catch {
    return false;
  }
};

type ToolsProps = { tools: ToolDraft[]; errors: FieldError[]; onChange: (tools: ToolDraft[]) => void };

export function ToolFields({ tools, errors, onChange }: ToolsProps) {
  const change = (index: number, part: Partial<ToolDraft>) =>
    onChange(tools.map((tool, at) => (at === index ? { ...tool, ...part } : tool)));
  return (
    <section className="stack" aria-label={say("tools")}>
      <div className="row wrap">
        <h2 className="sub grow">{say("tools")}</h2>
        <button
          type="button"
          className="button"
          disabled={tools.length >= MOST}
          onClick={() => onChange([...tools, NEW])}
        >
          <Plus aria-hidden="true" />
          {say("addTool")}
        </button>
      </div>
      {tools.map((tool, index) => {
        const at = (member: string) => errorAt(errors, `/tools/${index}/${member}`);
        return (
          <div key={index} className="secret">
            <div className="row">
              <div className="grow">
                <Field
                  label={say("toolName")}
                  value={tool.name}
                  required
                  pattern="[a-zA-Z0-9_\-]{1,64}"
                  error={at("name")}
                  onChange={(event) => change(index, { name: event.target.value })}
                />
              </div>
              <button
                type="button"
                className="icon-button"
                aria-label={say("removeTool", { name: tool.name })}
                onClick={() => onChange(tools.filter((_, other) => other !== index))}
              >
                <Trash2 />
              </button>
            </div>
            <Field
              label={say("address")}
              type="url"
              required
              maxLength={2000}
              value={tool.url}
              error={at("url")}
              onChange={(event) => change(index, { url: event.target.value })}
            />
            <Field
              label={say("description")}
              hint={say("toolHint")}
              maxLength={2000}
              value={tool.description}
              error={at("description")}
              onChange={(event) => change(index, { description: event.target.value })}
            />
            <TextArea
              label={say("parameters")}
              rows={4}
              spellCheck={false}
              value={tool.parameters}
              error={isJson(tool.parameters) ? at("parameters") : say("noJson")}
              onChange={(event) => change(index, { parameters: event.target.value })}
            />
            <div className="columns">
              <Field
                label={say("timeout")}
                type="number"
                min={100}
                max={30_000}
                required
                value={tool.timeout_ms}
                error={at("timeout_ms")}
                onChange={(event) => change(index, { timeout_ms: Number(event.target.value) })}
              />
              <Field
                label={say("secretHeader")}
                placeholder="Authorization"
                value={tool.header}
                error={at("secret_header/name")}
                onChange={(event) => change(index, { header: event.target.value.trim() })}
              />
              <Field
                label={say("secretValue")}
                type="password"
                autoComplete="off"
                placeholder={tool.hasSecret ? say("stored") : ""}
                value={tool.secret}
                error={at("secret_header/value")}
                onChange={(event) => change(index, { secret: event.target.value })}
              />
            </div>
          </div>
        );
      })}
    </section>
  );
}

export const areAllJson = (tools: ToolDraft[]): boolean => tools.every(({ parameters }) => isJson(parameters));
