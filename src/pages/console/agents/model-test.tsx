/** Asks the provider of a model whether it can answer, with the stored address and key. */
import { PlugZap } from "lucide-react";
import { useSession } from "../session.tsx";
import { useAction } from "../ui/action.ts";
import { say } from "../words.ts";

export type Probe = { ok: boolean; model: string; status: number | null; problem: string | null; detail: string };

export function ModelTest({ models }: { models: string[] }) {
  const { api, can } = useSession();
  const outside = models.filter((model) => model.includes("/") && !model.startsWith("builtin/"));
  const test = useAction({
    run: () =>
      Promise.all(
        outside.map((model) => {
          const [provider = "", ...rest] = model.split("/");
          return api.send<Probe>("POST", `/model-provider/${provider}/test`, { body: { model: rest.join("/") } });
        }),
      ),
  });
  if (!can("admin") || outside.length === 0) return null;
  return (
    <div className="stack">
      <div>
        <button type="button" className="button" disabled={test.isPending} onClick={() => test.mutate()}>
          <PlugZap aria-hidden="true" />
          {say(test.isPending ? "testing" : "testModel")}
        </button>
      </div>
      <Probes probes={test.data ?? []} />
    </div>
  );
}

export const Probes = ({ probes }: { probes: Probe[] }) => (
  <div role="status">
    <ul className="plain-list">
      {probes.map(({ ok, model, detail }) => (
        <li key={model} className={ok ? undefined : "wrong"}>
          <span className={ok ? "tag good" : "tag bad"}>{say(ok ? "works" : "fails")}</span> <code>{model}</code>{" "}
          {detail}
        </li>
      ))}
    </ul>
  </div>
);
