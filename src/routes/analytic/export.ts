/**
 * Exports: rows of a period as CSV or JSON, streamed as fast as the client reads, a batch in memory at a time. If the database
 * fails half way the stream breaks off, so that a client never takes half an export for a whole one.
 */
import * as z from "zod";
import { causeOf } from "../../db/database.ts";
import type { Api } from "../../http/api.ts";
import { textStream } from "../../http/text-stream.ts";
import { BYTE_ORDER_MARK, csvLine } from "./csv.ts";
import { columnsOf, EXPORT_ROWS, exportBatches, type ExportType, type Row } from "./export-rows.ts";
import { companyPeriod, periodFields } from "./period.ts";
import { lazy } from "../../lazy.ts";

type Format = "csv" | "json";

const CONTENT_TYPE: Record<Format, string> = {
  csv: "text/csv; charset=utf-8; header=present",
  json: "application/json",
};

const body = lazy(() =>
  z
    .strictObject({
      type: z.enum(["conversations", "leads", "agents", "usage"]).meta({
        description:
          "Live conversations made, or live leads registered, in the period; live agents with their figures; tokens by day of the company's time zone, agent, model and way of counting.",
      }),
      format: z.enum(["json", "csv"]),
      bom: z.boolean().optional().meta({
        description:
          "Whether CSV begins with a byte order mark, by which Excel knows UTF-8. It does unless this is false.",
      }),
      ...periodFields(),
    })
    .meta({ id: "ExportRequest" }),
);

const description = `Streamed, oldest first. Nothing that is deleted or erased is in it, and no text of any message.

JSON is an array of flat objects. CSV (RFC 4180) has the same members as columns, named in its first line; null is an empty
cell. A spreadsheet must not take what a visitor wrote for a formula: an apostrophe is put in front of every text, and of
every part of one behind a \`;\`, a tab or a line end, that begins with \`=\`, \`+\`, \`-\`, \`@\` (white space before them or
not, full-width or not) or with an apostrophe. To have the text back, take one apostrophe away wherever one stands at such a
beginning. A connection that breaks off means that the export is not complete.`;

export function analyticExportRoutes(api: Api): void {
  api.route(
    {
      method: "post",
      path: "/analytic/export",
      summary: "Download rows as CSV or JSON",
      description,
      tag: "Analytics",
      audience: "staff",
      scope: "read",
      body,
      problems: ["store_unavailable"],
      responses: () => ({
        200: {
          description: "The rows.",
          headers: {
            "Content-Disposition": {
              description: "A name for the file.",
              schema: { type: "string" },
              example: 'attachment; filename="leads_2026-10-24_2026-11-22.csv"',
            },
          },
          content: {
            "application/json": { schema: z.array(z.union(Object.values(EXPORT_ROWS()))) },
            "text/csv": { schema: z.string() },
          },
        },
      }),
    },
    async ({ c, db, caller: { company_id }, body: { type, format, bom = true, ...dates } }) => {
      const period = await companyPeriod(c, company_id, dates);
      const chunks = encode(exportBatches(db, type, { ...period, company_id }), type, format, bom);
      // The first batch is read before the response starts, so that a failure here is a 503 and not a broken file.
      const first = await chunks.next();
      const onError = (error: unknown) =>
        console.error({ request_id: c.get("request_id"), event: "export_broken", error: causeOf(error) });
      const name = `${type}_${period.days[0]?.date}_${period.days.at(-1)?.date}.${format}`;
      return c.body(textStream(first, chunks, onError), 200, {
        "content-type": CONTENT_TYPE[format],
        "content-disposition": `attachment; filename="${name}"`,
      });
    },
  );
}

/** The document in chunks: one for each batch, the first with the header of the document, and one for its end. */
export async function* encode(
  batches: AsyncIterable<Row[]>,
  type: ExportType,
  format: Format,
  bom = false,
): AsyncGenerator<string> {
  const columns = columnsOf(type);
  const line = (row: Row) => csvLine(columns.map((column) => row[column] ?? null));
  let begin = format === "csv" ? (bom ? BYTE_ORDER_MARK : "") + csvLine(columns) : "[\n";
  for await (const rows of batches) {
    if (format === "csv") {
      yield begin + rows.map(line).join("");
      begin = "";
    } else {
      yield begin + rows.map((row) => JSON.stringify(row)).join(",\n");
      begin = ",\n";
    }
  }
  if (format === "json") yield begin === "[\n" ? "[]\n" : "\n]\n";
  else if (begin !== "") yield begin;
}
