"""The official client of Anthropic."""

import anthropic
from pydantic import BaseModel
from told import HELLO, KEY, URL, run

MODEL = "claude-sonnet-4-5"
BASE = URL.removesuffix("/v1")
client = anthropic.Anthropic(base_url=BASE, api_key=KEY, max_retries=0)
later = anthropic.AsyncAnthropic(base_url=BASE, api_key=KEY, max_retries=0)
SEND = {"type": "object", "properties": {"to": {"type": "string"}}, "required": ["to"]}
TOOL = {"name": "send", "description": "Sends.", "input_schema": SEND}


class Contact(BaseModel):
    """What is asked for."""

    email: str


def ask(text, client=client, model=MODEL, **more):
    """One message."""
    messages = text if isinstance(text, list) else [{"role": "user", "content": text}]
    return client.messages.create(model=model, max_tokens=99, messages=messages, **more)


def chat():
    return ask(HELLO).content[0].text


def stream():
    with client.messages.stream(
        model=MODEL, max_tokens=99, messages=[{"role": "user", "content": HELLO}]
    ) as events:
        return "".join(events.text_stream)


async def asynchronous():
    reply = await ask(HELLO, later)
    return reply.content[0].text


def tools():
    messages = [{"role": "user", "content": HELLO}]
    first = ask(messages, tools=[TOOL])
    [call] = first.content
    result = {"type": "tool_result", "tool_use_id": call.id, "content": f"sent to {call.input['to']}"}
    messages += [{"role": "assistant", "content": first.content}, {"role": "user", "content": [result]}]
    return ask(messages, tools=[TOOL]).content[0].text


def tools_streamed():
    messages = [{"role": "user", "content": HELLO}]
    with client.messages.stream(model=MODEL, max_tokens=99, messages=messages, tools=[TOOL]) as events:
        return events.get_final_message().content[0].input["to"]


def structured():
    messages = [{"role": "user", "content": HELLO}]
    reply = client.messages.parse(model=MODEL, max_tokens=99, messages=messages, output_format=Contact)
    return reply.parsed_output.email


def models():
    return [model.id for model in client.models.list()]


def wrong_key():
    return ask(HELLO, client.with_options(api_key="gh-wrong"))


def unknown_model():
    return ask(HELLO, model="nobody")


def blocked():
    return ask("the kryptonite plans")


def limited():
    return ask("limit me")


def provider_down():
    return ask("fall over")


def broken_stream():
    with client.messages.stream(
        model=MODEL, max_tokens=99, messages=[{"role": "user", "content": "break off"}]
    ) as events:
        return "".join(events.text_stream)


WORKS = (chat, stream, asynchronous, tools, tools_streamed, structured, models)
FAILS = (wrong_key, unknown_model, blocked, limited, provider_down, broken_stream)
run((*WORKS, *FAILS), later.close)
