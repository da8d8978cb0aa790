"""The openai package for Python. The base URL is the API's, the model an agent's id, and the key both halves of an API key."""

import os

from openai import OpenAI

client = OpenAI(
    base_url=os.environ["CONVERSATIONS_API"],
    api_key=f"{os.environ['CONVERSATIONS_KEY']}:{os.environ['CONVERSATIONS_SECRET']}",
)
model = os.environ["AGENT_ID"]

first = client.chat.completions.create(
    model=model, messages=[{"role": "user", "content": "Are you open on Saturday?"}]
)
print(first.choices[0].message.content)

# The service keeps what was said: name the conversation, and send the new message alone.
stream = client.chat.completions.create(
    model=model,
    messages=[{"role": "user", "content": "How long does delivery take?"}],
    stream=True,
    extra_body={"conversation": first.conversation["id"]},
)
for chunk in stream:
    print(chunk.choices[0].delta.content or "", end="", flush=True)
print()
