/** When people are there: outside of these hours the agent says so, and asks for an address. */
import { Plus, Trash2 } from "lucide-react";
import type { FieldError } from "../api.ts";
import { Check, errorAt, Field } from "../ui/field.tsx";
import { currentLanguage, say } from "../words.ts";

const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;
type Day = (typeof DAYS)[number];
export type Hours = { time_zone: string; open: { days: Day[]; from: string; to: string }[] };

const WEEK: Hours["open"][number] = { days: ["mon", "tue", "wed", "thu", "fri"], from: "09:00", to: "17:00" };

/** The name of a day; the first of January 2024 was a Monday. */
const nameOf = (day: Day): string =>
  new Intl.DateTimeFormat(currentLanguage(), { weekday: "short", timeZone: "UTC" }).format(
    Date.UTC(2024, 0, 1 + DAYS.indexOf(day)),
  );

type HoursProps = { hours: Hours | null; errors: FieldError[]; onChange: (hours: Hours | null) => void };

export function HoursFields({ hours, errors, onChange }: HoursProps) {
  const begin = () => onChange({ time_zone: Intl.DateTimeFormat().resolvedOptions().timeZone, open: [WEEK] });
  return (
    <fieldset>
      <legend>{say("hours")}</legend>
      <Check
        label={say("hoursOnly")}
        checked={hours !== null}
        onChange={(event) => (event.target.checked ? begin() : onChange(null))}
      />
      {hours && <Week hours={hours} errors={errors} onChange={onChange} />}
    </fieldset>
  );
}

function Week({ hours, errors, onChange }: HoursProps & { hours: Hours }) {
  const change = (index: number, part: Partial<Hours["open"][number]>) =>
    onChange({ ...hours, open: hours.open.map((one, at) => (at === index ? { ...one, ...part } : one)) });
  return (
    <>
      <Field
        label={say("timeZone")}
        required
        value={hours.time_zone}
        error={errorAt(errors, "/hours/time_zone")}
        onChange={(event) => onChange({ ...hours, time_zone: event.target.value })}
      />
      {hours.open.map(({ days, from, to }, index) => (
        <div key={index} className="secret">
          <div className="row wrap">
            {DAYS.map((day) => (
              <Check
                key={day}
                label={nameOf(day)}
                checked={days.includes(day)}
                onChange={(event) =>
                  change(index, {
                    days: DAYS.filter((one) => (one === day ? event.target.checked : days.includes(one))),
                  })
                }
              />
            ))}
          </div>
          <div className="row">
            <Field
              label={say("from")}
              required
              pattern="\d\d:\d\d"
              value={from}
              error={errorAt(errors, `/hours/open/${index}`)}
              onChange={(event) => change(index, { from: event.target.value })}
            />
            <Field
              label={say("to")}
              required
              pattern="\d\d:\d\d"
              value={to}
              onChange={(event) => change(index, { to: event.target.value })}
            />
            <button
              type="button"
              className="icon-button"
              aria-label={say("remove")}
              onClick={() => onChange({ ...hours, open: hours.open.filter((_, at) => at !== index) })}
            >
              <Trash2 />
            </button>
          </div>
        </div>
      ))}
      <div>
        <button type="button" className="button" onClick={() => onChange({ ...hours, open: [...hours.open, WEEK] })}>
          <Plus aria-hidden="true" />
          {say("addHours")}
        </button>
      </div>
    </>
  );
}
