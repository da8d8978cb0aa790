/** The inbox: what there is to do on one side, the conversation that is open on the other. */
import { MessagesSquare } from "lucide-react";
import { useEffect, useRef } from "react";
import { useLocation, useParams, useSearchParams } from "wouter";
import { ConversationPane } from "../conversation/conversation.tsx";
import { isTaken } from "../shell/shortcuts.ts";
import { useTitle } from "../ui/page.tsx";
import { Empty } from "../ui/state.tsx";
import { say } from "../words.ts";
import { Filters } from "./filters.tsx";
import { type Filter, filterOf, searchOf } from "./filter.ts";
import { InboxList } from "./list.tsx";
import { SearchBox, SearchHits } from "./search.tsx";
import { useInbox } from "./use-inbox.ts";

export function Inbox() {
  const { id } = useParams();
  const [search] = useSearchParams();
  const [, navigate] = useLocation();
  const filter = filterOf(search);
  const words = search.get("q") ?? "";
  const inbox = useInbox(filter);
  useTitle(say("inbox"));

  const at = (target: string | undefined, next: Filter, q: string) => {
    const query = [searchOf(next), q === "" ? "" : `q=${encodeURIComponent(q)}`].filter(Boolean).join("&");
    return `/inbox${target ? `/${target}` : ""}${query === "" ? "" : `?${query}`}`;
  };

  /** The next or the previous conversation of the list. */
  const step = (by: 1 | -1) => {
    const place = inbox.rows.findIndex((row) => row.id === id);
    const next = inbox.rows[place < 0 ? 0 : place + by];
    if (next) navigate(at(next.id, filter, words));
  };
  const latest = useRef(step);
  latest.current = step;
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (isTaken(event)) return;
      if (event.key === "j") latest.current(1);
      if (event.key === "k") latest.current(-1);
      if (event.key === "/") {
        event.preventDefault();
        document.querySelector<HTMLInputElement>("#search")?.focus();
      }
    };
    window.addEventListener("keydown", press);
    return () => window.removeEventListener("keydown", press);
  }, []);

  return (
    <div className="inbox" data-open={id ? "" : undefined}>
      <section className="inbox-side" aria-label={say("conversations")}>
        <div className="inbox-head">
          <h1 className="inbox-title">{say("inbox")}</h1>
          <SearchBox words={words} onSearch={(q) => navigate(at(id, filter, q))} />
          {words === "" && <Filters filter={filter} onChange={(next) => navigate(at(id, next, ""))} />}
        </div>
        {words === "" ? (
          <InboxList inbox={inbox} openId={id} hrefOf={(target) => at(target, filter, "")} onStep={step} />
        ) : (
          <SearchHits words={words} filter={filter} openId={id} hrefOf={(target) => at(target, filter, words)} />
        )}
      </section>
      <section className="inbox-main" aria-label={say("conversation")}>
        {id ? (
          <ConversationPane
            key={id}
            id={id}
            backTo={at(undefined, filter, words)}
            seek={Number(search.get("m")) || null}
          />
        ) : (
          <Empty title={say("pickOne")}>
            <MessagesSquare aria-hidden="true" className="empty-icon" />
            <p className="muted">{say("pickOneHint")}</p>
          </Empty>
        )}
      </section>
    </div>
  );
}
