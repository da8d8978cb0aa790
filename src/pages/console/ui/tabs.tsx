/** Panels of which one is seen, and the tabs that choose it. */
import { Tabs as Base } from "@base-ui/react/tabs";
import type { ReactNode } from "react";

type Tab = { name: string; label: string; panel: ReactNode };
type TabsProps = {
  label: string;
  tabs: readonly Tab[];
  /** The one that is seen first; the first of all if this is left out. */
  initial?: string;
  onChange?: () => void;
  /** Beside the tabs. */
  beside?: ReactNode;
  panelClass?: string;
};

export function Tabs({ label, tabs, initial = tabs[0]?.name ?? "", onChange, beside, panelClass }: TabsProps) {
  const list = (
    <Base.List className="tabs" aria-label={label}>
      {tabs.map((tab) => (
        <Base.Tab key={tab.name} value={tab.name} className="tab">
          {tab.label}
        </Base.Tab>
      ))}
    </Base.List>
  );
  return (
    <Base.Root defaultValue={initial} onValueChange={onChange}>
      {beside ? (
        <div className="details-head">
          {list}
          {beside}
        </div>
      ) : (
        list
      )}
      {tabs.map(({ name, panel }) => (
        <Base.Panel key={name} value={name} className={panelClass}>
          {panel}
        </Base.Panel>
      ))}
    </Base.Root>
  );
}
