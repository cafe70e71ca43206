"""The OpenAI Agents SDK: agents over Responses, and over chat completions."""

from agents import (
    Agent,
    OpenAIChatCompletionsModel,
    OpenAIResponsesModel,
    Runner,
    function_tool,
    set_tracing_disabled,
)
from openai import AsyncOpenAI
from pydantic import BaseModel
from told import HELLO, KEY, MODEL, URL, run

set_tracing_disabled(True)
client = AsyncOpenAI(base_url=URL, api_key=KEY, max_retries=0)


class Contact(BaseModel):
    """What is asked for."""

    email: str


@function_tool
def send(to: str) -> str:
    """Sends a letter."""
    return f"sent to {to}"


def agent(name=MODEL, client=client, kind=OpenAIResponsesModel, **more):
    """An agent over a model."""
    return Agent(name="Clerk", instructions="Be brief.", model=kind(name, client), **more)


async def said(text, **more):
    """The end of a run."""
    return (await Runner.run(agent(**more), text)).final_output


async def streamed(text, **more):
    """The text of a run's stream, joined."""
    result = Runner.run_streamed(agent(**more), text)
    pieces = []
    async for event in result.stream_events():
        if event.type == "raw_response_event" and event.data.type == "response.output_text.delta":
            pieces.append(event.data.delta)
    return "".join(pieces)


async def chat():
    return await said(HELLO)


async def stream():
    return await streamed(HELLO)


async def tools():
    return await said(HELLO, tools=[send])


async def structured():
    return (await said(HELLO, output_type=Contact)).email


async def completions():
    return await said(HELLO, kind=OpenAIChatCompletionsModel)


async def completions_streamed():
    return await streamed(HELLO, kind=OpenAIChatCompletionsModel)


async def completions_tools():
    return await said(HELLO, tools=[send], kind=OpenAIChatCompletionsModel)


async def tools_streamed():
    return await streamed(HELLO, tools=[send])


async def wrong_key():
    return await said(HELLO, client=client.with_options(api_key="gh-wrong"))


async def unknown_model():
    return await said(HELLO, name="nobody")


async def blocked():
    return await said("the kryptonite plans")


async def limited():
    return await said("limit me")


async def provider_down():
    return await said("fall over")


async def broken_stream():
    return await streamed("break off")


WORKS = (
    chat,
    stream,
    tools,
    tools_streamed,
    structured,
    completions,
    completions_streamed,
    completions_tools,
)
FAILS = (wrong_key, unknown_model, blocked, limited, provider_down, broken_stream)
run((*WORKS, *FAILS), client.close)
