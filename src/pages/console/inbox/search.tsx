/** Search over what everybody said. */
import { Search, X } from "lucide-react";
import { useEffect, useState } from "react";
import { Link } from "wouter";
import type { Hit } from "../types.ts";
import { useList } from "../ui/list.ts";
import { Empty, Failed, Loading } from "../ui/state.tsx";
import { More } from "../ui/table.tsx";
import { Time } from "../ui/time.tsx";
import { say } from "../words.ts";
import type { Filter } from "./filter.ts";
import { snippetOf } from "./snippet.ts";

export function SearchBox({ words, onSearch }: { words: string; onSearch: (words: string) => void }) {
  const [typed, setTyped] = useState(words);
  useEffect(() => setTyped(words), [words]);
  return (
    <form
      role="search"
      className="search"
      onSubmit={(event) => {
        event.preventDefault();
        onSearch(typed.trim());
      }}
    >
      <Search aria-hidden="true" />
      <input
        id="search"
        type="search"
        value={typed}
        maxLength={200}
        placeholder={say("searchMessages")}
        aria-label={say("searchMessages")}
        onChange={(event) => {
          setTyped(event.target.value);
          if (event.target.value === "") onSearch("");
        }}
      />
      {words !== "" && (
        <button type="button" className="icon-button" aria-label={say("clearSearch")} onClick={() => onSearch("")}>
          <X />
        </button>
      )}
    </form>
  );
}

type HitsProps = { words: string; filter: Filter; openId: string | undefined; hrefOf: (id: string) => string };

export function SearchHits({ words, filter, openId, hrefOf }: HitsProps) {
  const query = { q: words, agent_id: filter.agent, entity_type: filter.kind };
  const list = useList<Hit>("/message/search", "hits", query);
  const page = list.data?.pages[0] as { lag_seconds?: number } | undefined;
  if (list.isPending) return <Loading rows={6} />;
  if (list.error) return <Failed error={list.error} retry={list.refetch} />;
  return (
    <div className="inbox-scroll">
      <p className="inbox-foot muted" role="status">
        {say("hits", { n: list.rows.length })}
        {(page?.lag_seconds ?? 0) > 1 && ` ${say("searchLag", { n: Math.round(page?.lag_seconds ?? 0) })}`}
      </p>
      {list.rows.length === 0 && <Empty title={say("noHits", { text: words })} />}
      <ul className="hits">
        {list.rows.map((hit) => (
          <li key={hit.message.id}>
            <Link
              href={`${hrefOf(hit.conversation.id)}&m=${hit.message.sequence}`}
              className="hit"
              aria-current={hit.conversation.id === openId ? "true" : undefined}
            >
              <span className="inbox-row-top">
                <span className="inbox-row-title" dir="auto">
                  {hit.conversation.title}
                </span>
                <span className="muted">
                  <Time at={hit.message.created_at} />
                </span>
              </span>
              <span className="hit-text" dir="auto">
                {snippetOf(hit.message.content, hit.ranges).map((part, index) =>
                  part.isHit ? <mark key={index}>{part.text}</mark> : <span key={index}>{part.text}</span>,
                )}
              </span>
            </Link>
          </li>
        ))}
      </ul>
      <More list={list} />
    </div>
  );
}
