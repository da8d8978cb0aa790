/** What `npm start` prints when everything runs: one screen, with a conversation to paste into a terminal. */
import type { Demo } from "./demo.ts";

export function screen(demo: Demo): string {
  const { api_key = "", api_secret = "" } = demo.keys["read_write"] ?? {};
  return `
  The Conversations API is running. Ctrl-C stops it; npm start -- --fresh begins with empty data.

    API    ${demo.base_url}/v1
    Docs   ${demo.base_url}/docs
    Demo   ${demo.base_url}/demo#${api_key}:${api_secret}
           a website with the chat, and its staff's console beside it
    Keys   .dev/demo.json: two companies with keys, tokens and agents to try

  A conversation, to paste into another terminal:

    API=${demo.base_url}/v1
    KEY='X-API-Key: ${api_key}'
    SECRET='X-API-Secret: ${api_secret}'

    ID=$(curl -s $API/conversation -H "$KEY" -H "$SECRET" -H 'Content-Type: application/json' \\
      -d '{"agent_id":"${demo.agent_id}"}' | sed 's/.*"id":"\\([^"]*\\)".*/\\1/')

    curl -s $API/conversation/$ID/chat -H "$KEY" -H "$SECRET" -H 'Content-Type: application/json' \\
      -d '{"message":"When are you open?"}'; echo

    curl -s $API/conversation/$ID/messages -H "$KEY" -H "$SECRET"; echo
`;
}
