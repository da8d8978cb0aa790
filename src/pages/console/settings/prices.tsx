/** What a provider's models cost: by these prices the cost of every reply is reckoned, and budgets in money. */
import { useQuery } from "@tanstack/react-query";
import { Plus, Trash2 } from "lucide-react";
import { type FormEvent, useState } from "react";
import { Refused } from "../api.ts";
import { useSession } from "../session.tsx";
import { useAction } from "../ui/action.ts";
import { errorAt, Field } from "../ui/field.tsx";
import { Modal } from "../ui/modal.tsx";
import { Failed, Loading, Wrong } from "../ui/state.tsx";
import { say } from "../words.ts";

/** Per million tokens, as exact decimals. */
type Price = { input: string; cached_input: string | null; output: string; currency: string };
type Prices = Record<string, Price>;
type Row = { key: number; model: string; input: string; cached_input: string; output: string; currency: string };

export function PricesForm({ name, onClose }: { name: string; onClose: () => void }) {
  const { api } = useSession();
  const path = `/model-provider/${encodeURIComponent(name)}/prices`;
  const { data, error, refetch } = useQuery({
    queryKey: [path],
    // What somebody is typing is not replaced by what another one saves.
    staleTime: Infinity,
    refetchOnWindowFocus: false,
    refetchOnMount: "always",
    gcTime: 0,
    queryFn: async ({ signal }) => (await api.get<{ prices: Prices }>(path, {}, signal)).prices,
  });
  return (
    <Modal title={say("pricesOf", { name })} onClose={onClose}>
      {data ? (
        <Fields path={path} prices={data} onClose={onClose} />
      ) : error ? (
        <Failed error={error} retry={refetch} />
      ) : (
        <Loading rows={2} />
      )}
    </Modal>
  );
}

const FIELDS = [
  ["input", "priceInput"],
  ["cached_input", "priceCached"],
  ["output", "priceOutput"],
  ["currency", "currency"],
] as const;

/** A member of the body in a JSON Pointer (RFC 6901). */
const pointerOf = (model: string) => `/${model.replaceAll("~", "~0").replaceAll("/", "~1")}`;

function Fields({ path, prices, onClose }: { path: string; prices: Prices; onClose: () => void }) {
  const { api } = useSession();
  const [rows, setRows] = useState<Row[]>(() =>
    Object.entries(prices).map(([model, price], key) => ({
      ...{ key, model, ...price },
      cached_input: price.cached_input ?? "",
    })),
  );
  const save = useAction({
    run: () => {
      const entries = rows.map(({ model, input, cached_input, output, currency }) => [
        model.trim(),
        { input, output, currency: currency.trim(), cached_input: cached_input === "" ? null : cached_input },
      ]);
      return api.send("PUT", path, { body: Object.fromEntries(entries) });
    },
    stale: [path],
    done: say("saved"),
    isQuiet: true,
    onDone: onClose,
  });
  const errors = save.error instanceof Refused ? save.error.errors : [];
  const isTwice = ({ key, model }: Row) =>
    rows.some((other) => other.key < key && other.model.trim() === model.trim() && model.trim() !== "");
  const change = (key: number, part: Partial<Row>) =>
    setRows(rows.map((row) => (row.key === key ? { ...row, ...part } : row)));
  const add = () => {
    const key = Math.max(0, ...rows.map((row) => row.key)) + 1;
    const currency = rows.at(-1)?.currency ?? "USD";
    setRows([...rows, { key, model: "", input: "", cached_input: "", output: "", currency }]);
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate();
  };
  return (
    <form className="stack" onSubmit={submit}>
      <p className="muted">{say("pricesAbout")}</p>
      {rows.map((row) => (
        <fieldset key={row.key} className="secret" aria-label={row.model || say("modelId")}>
          <div className="row">
            <div className="grow">
              <Field
                label={say("modelId")}
                value={row.model}
                required
                spellCheck={false}
                error={
                  isTwice(row) ? say("priceTwice") : errors.find(({ path: at }) => at === pointerOf(row.model))?.message
                }
                onChange={(event) => change(row.key, { model: event.target.value })}
              />
            </div>
            <button
              type="button"
              className="icon-button"
              aria-label={say("removePrice", { name: row.model })}
              onClick={() => setRows(rows.filter(({ key }) => key !== row.key))}
            >
              <Trash2 />
            </button>
          </div>
          <div className="columns">
            {FIELDS.map(([member, word]) => (
              <Field
                key={member}
                label={say(word)}
                value={row[member]}
                required={member !== "cached_input"}
                inputMode={member === "currency" ? "text" : "decimal"}
                error={errorAt(errors, `${pointerOf(row.model)}/${member}`)}
                onChange={(event) => change(row.key, { [member]: event.target.value.trim() })}
              />
            ))}
          </div>
        </fieldset>
      ))}
      <button type="button" className="button" onClick={add}>
        <Plus aria-hidden="true" />
        {say("addPrice")}
      </button>
      <Wrong error={save.error} />
      <div className="actions">
        <button type="submit" className="button primary" disabled={save.isPending || rows.some(isTwice)}>
          {say("save")}
        </button>
      </div>
    </form>
  );
}
