"""A conversation with nothing but requests: once as JSON, once as a stream."""

import json
import os
import uuid

import requests

api = os.environ["CONVERSATIONS_API"]  # ends with /v1
session = requests.Session()
session.headers.update(
    {"X-API-Key": os.environ["CONVERSATIONS_KEY"], "X-API-Secret": os.environ["CONVERSATIONS_SECRET"]}
)


def checked(response):
    """The answer; what went wrong is a problem document (RFC 9457)."""
    if not response.ok:
        problem = response.json()
        raise RuntimeError(f"{problem['code']}: {problem['detail']} (request {problem['request_id']})")
    return response


def ask(conversation_id, message):
    """One turn. The key makes it safe to send the same message again after a timeout."""
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    for attempt in range(3):
        try:
            response = session.post(
                f"{api}/conversation/{conversation_id}/chat", json={"message": message}, headers=headers, timeout=120
            )
            return checked(response).json()["content"]
        except (requests.ConnectionError, requests.Timeout):
            if attempt == 2:
                raise


def ask_streaming(conversation_id, message):
    """The pieces of a reply, as the model writes them."""
    headers = {"Accept": "text/event-stream", "Idempotency-Key": str(uuid.uuid4())}
    with session.post(
        f"{api}/conversation/{conversation_id}/chat",
        json={"message": message},
        headers=headers,
        stream=True,
        timeout=(10, 60),  # a heartbeat comes every 15 seconds
    ) as response:
        event = ""
        for line in checked(response).iter_lines():
            field, _, value = line.decode("utf-8").partition(": ")
            if field == "event":
                event = value
            elif field == "data" and event == "chat_delta":
                yield json.loads(value)["text"]
            elif field == "data" and event == "chat_response" and "error" in json.loads(value):
                raise RuntimeError(json.loads(value)["error"]["detail"])


conversation = checked(session.post(f"{api}/conversation", json={"agent_id": os.environ["AGENT_ID"]})).json()
conversation_id = conversation["conversation"]["id"]

print(ask(conversation_id, "Are you open on Saturday?"))
for piece in ask_streaming(conversation_id, "How long does delivery take?"):
    print(piece, end="", flush=True)
print()

for message in checked(session.get(f"{api}/conversation/{conversation_id}/messages")).json()["messages"]:
    print(message["sequence"], message["role"], message["content"])
