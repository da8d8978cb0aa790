/** Notes that colleagues left here. No visitor and no model sees them. */
import type { Note } from "../types.ts";
import { useList } from "../ui/list.ts";
import { Empty, Failed, Loading } from "../ui/state.tsx";
import { More } from "../ui/table.tsx";
import { Time } from "../ui/time.tsx";
import { say } from "../words.ts";

export function Notes({ id }: { id: string }) {
  const list = useList<Note>(`/conversation/${id}/notes`, "notes");
  if (list.isPending) return <Loading />;
  if (list.error) return <Failed error={list.error} retry={list.refetch} />;
  if (list.rows.length === 0)
    return (
      <Empty title={say("noNotes")}>
        <p className="muted">{say("noteHint")}</p>
      </Empty>
    );
  return (
    <>
      <ul className="notes">
        {list.rows.map((note) => (
          <li key={note.id} className="note">
            <p className="muted">
              {note.author?.name ?? say(note.author ? "colleague" : "agent")} · <Time at={note.created_at} />
            </p>
            <p dir="auto" className="plain">
              {note.text}
            </p>
          </li>
        ))}
      </ul>
      <More list={list} />
    </>
  );
}
