/** What all the browser tests share: one service, one model server, one website, one browser. Started once a file. */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll } from "vitest";
import { type Step, upstream, type UpstreamClient } from "../../upstream/client.ts";
import { startUpstream } from "../../upstream/server.ts";
import { type Api, startApi } from "./api.ts";
import { startBrowser } from "./browser.ts";
import { type Host, pageWith, startHost } from "./host.ts";

export class Stage {
  api!: Api;
  models!: UpstreamClient;
  host!: Host;
  browser!: Browser;
  #agents = 0;

  /** Starts everything before the tests of the file that calls this, and ends it after them. */
  static setUp(): Stage {
    const stage = new Stage();
    const ends: (() => Promise<unknown>)[] = [];
    beforeAll(async () => {
      stage.api = await startApi();
      ends.push(stage.api.stop);
      const models = await startUpstream();
      ends.push(models.close);
      stage.models = upstream(models.url);
      stage.host = await startHost();
      ends.push(stage.host.close);
      stage.browser = await startBrowser();
      ends.push(() => stage.browser.close());
      const provider = { kind: "openai-compatible", base_url: stage.models.baseUrl, api_key: "none" };
      await stage.api.call("PUT", "/v1/model-provider/test", provider);
    }, 180_000);
    afterAll(async () => {
      for (const end of ends.toReversed()) await end();
    }, 60_000);
    return stage;
  }

  /** An agent of its own whose model does what the scripts say, or says "reply to: …". */
  async agent(fields: object = {}, ...scripts: Step[][]): Promise<{ id: string; model: string }> {
    const model = `m${++this.#agents}`;
    if (scripts.length > 0) await this.models.script(model, ...scripts);
    const { id } = await this.api.agent({ name: "Fern & Field", model: `test/${model}`, ...fields });
    return { id, model };
  }

  /** Address of a page with the widget. `data` are its options, `head` is HTML before it. */
  page(agent_id: string, data: Record<string, string> = {}, head = "", headers: Record<string, string> = {}): string {
    const html = pageWith(`${this.api.url}/widget.js`, { "agent-id": agent_id, ...data }, head);
    return this.host.page({ html, headers });
  }
}
