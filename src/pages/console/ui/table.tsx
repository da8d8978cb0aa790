/** Rows under headings; on a narrow screen each row is a card whose cells say what they are. */
import type { ReactNode } from "react";
import { say } from "../words.ts";
import { Empty, Failed, Loading } from "./state.tsx";

type Column<T> = { name: string; cell: (row: T) => ReactNode; isNumber?: boolean };

type Listing<T> = {
  rows: T[];
  isPending: boolean;
  error: unknown;
  refetch: () => unknown;
  hasNextPage: boolean;
  isFetchingNextPage: boolean;
  fetchNextPage: () => unknown;
};

type GridProps<T> = { label: string; columns: Column<T>[]; keyOf: (row: T) => string };
type TableProps<T> = GridProps<T> & { list: Listing<T>; empty: string; children?: ReactNode };

export function Table<T>({ label, list, columns, keyOf, empty, children }: TableProps<T>) {
  if (list.isPending) return <Loading />;
  if (list.error) return <Failed error={list.error} retry={list.refetch} />;
  if (list.rows.length === 0) return <Empty title={empty}>{children}</Empty>;
  return (
    <div className="table-frame">
      <Grid {...{ label, columns, keyOf }} rows={list.rows} />
      <More list={list} />
    </div>
  );
}

/** The rows alone, where all of them are there. */
export const Grid = <T,>({ label, columns, keyOf, rows }: GridProps<T> & { rows: T[] }) => (
  <table className="records" aria-label={label}>
    <thead>
      <tr>
        {columns.map(({ name, isNumber }) => (
          <th key={name} scope="col" className={isNumber ? "number" : undefined}>
            {name}
          </th>
        ))}
      </tr>
    </thead>
    <tbody>
      {rows.map((row) => (
        <tr key={keyOf(row)}>
          {columns.map(({ name, cell, isNumber }) => (
            <td key={name} data-label={name} className={isNumber ? "number" : undefined}>
              {cell(row)}
            </td>
          ))}
        </tr>
      ))}
    </tbody>
  </table>
);

export function More({
  list,
}: {
  list: Pick<Listing<unknown>, "hasNextPage" | "isFetchingNextPage" | "fetchNextPage">;
}) {
  if (!list.hasNextPage) return null;
  return (
    <button
      type="button"
      className="button more"
      disabled={list.isFetchingNextPage}
      onClick={() => void list.fetchNextPage()}
    >
      {say(list.isFetchingNextPage ? "loading" : "showMore")}
    </button>
  );
}
