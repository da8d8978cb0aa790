/** The snippet that puts the widget on a website, and what a Content-Security-Policy there must allow. */
import * as z from "zod";
import { findAgent } from "../../db/agent.ts";
import { type Api } from "../../http/api.ts";
import { json } from "../../http/operation.ts";
import { originOf } from "../../http/context.ts";
import { id, pathId } from "../../http/fields.ts";
import { notFound } from "../../problem/problem.ts";
import { lazy } from "../../lazy.ts";

const embedSchema = lazy(() =>
  z
    .object({
      agent_id: id(),
      html: z.string().meta({ description: "Goes anywhere into the page." }),
      script_url: z.url(),
      allowed_origins: z.array(z.string()).meta({ description: "Websites on which it works. Empty means none." }),
      content_security_policy: z
        .object({ "script-src": z.string(), "connect-src": z.string() })
        .meta({ description: "What a page with a policy of its own adds to these directives." }),
    })
    .meta({ id: "EmbedCode" }),
);

export function embedRoutes(api: Api): void {
  api.route(
    {
      method: "get",
      path: "/agent/{id}/embed-code",
      summary: "Get the snippet that puts an agent on a website",
      description: "The website has to be among the agent's `allowed_origins`.",
      tag: "Agents",
      audience: "staff",
      scope: "read",
      params: pathId(),
      responses: () => ({ 200: json("The snippet.", embedSchema()) }),
    },
    async ({ c, db, caller, params }) => {
      const agent = await findAgent(db, caller.company_id, params.id);
      if (!agent) throw notFound();
      const origin = originOf(c);
      const script_url = `${origin}/widget.js`;
      return c.json({
        agent_id: agent.id,
        html: `<script src="${script_url}" data-agent-id="${agent.id}" async></script>`,
        script_url,
        allowed_origins: agent.allowed_origins,
        content_security_policy: { "script-src": script_url, "connect-src": origin },
      });
    },
  );
}
