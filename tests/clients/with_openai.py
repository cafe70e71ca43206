"""The official client of OpenAI, both ways of calling a model."""

import json

import openai
from pydantic import BaseModel
from told import HELLO, KEY, MODEL, URL, run

client = openai.OpenAI(base_url=URL, api_key=KEY, max_retries=0)
later = openai.AsyncOpenAI(base_url=URL, api_key=KEY, max_retries=0)
SEND = {"type": "object", "properties": {"to": {"type": "string"}}, "required": ["to"]}
TOOL = {"type": "function", "function": {"name": "send", "parameters": SEND}}


class Contact(BaseModel):
    """What is asked for."""

    email: str


def ask(text, client=client, model=MODEL, **more):
    """One chat."""
    return client.chat.completions.create(model=model, messages=[{"role": "user", "content": text}], **more)


def chat():
    return ask(HELLO).choices[0].message.content


def stream():
    return "".join(chunk.choices[0].delta.content or "" for chunk in ask(HELLO, stream=True))


async def asynchronous():
    reply = await ask(HELLO, later)
    return reply.choices[0].message.content


def tools():
    messages = [{"role": "user", "content": HELLO}]
    first = client.chat.completions.create(model=MODEL, messages=messages, tools=[TOOL]).choices[0].message
    [call] = first.tool_calls
    result = f"sent to {json.loads(call.function.arguments)['to']}"
    messages += [first, {"role": "tool", "tool_call_id": call.id, "content": result}]
    return (
        client.chat.completions.create(model=MODEL, messages=messages, tools=[TOOL])
        .choices[0]
        .message.content
    )


def tools_streamed():
    with client.chat.completions.stream(
        model=MODEL, messages=[{"role": "user", "content": HELLO}], tools=[TOOL]
    ) as events:
        [call] = events.get_final_completion().choices[0].message.tool_calls
    return json.loads(call.function.arguments)["to"]


def structured():
    messages = [{"role": "user", "content": HELLO}]
    reply = client.chat.completions.parse(model=MODEL, messages=messages, response_format=Contact)
    return reply.choices[0].message.parsed.email


def responses():
    return client.responses.create(model=MODEL, input=HELLO).output_text


def responses_streamed():
    with client.responses.stream(model=MODEL, input=HELLO) as events:
        return events.get_final_response().output_text


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
    return "".join(chunk.choices[0].delta.content or "" for chunk in ask("break off", stream=True))


WORKS = (chat, stream, asynchronous, tools, tools_streamed, structured, responses, responses_streamed)
FAILS = (wrong_key, unknown_model, blocked, limited, provider_down, broken_stream)
run((*WORKS, *FAILS), later.close)
