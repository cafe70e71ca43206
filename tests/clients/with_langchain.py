"""LangChain: its OpenAI and its Anthropic models."""

from langchain_anthropic import ChatAnthropic
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from pydantic import BaseModel
from told import HELLO, KEY, MODEL, URL, run


def model(name=MODEL, key=KEY, **more):
    """A chat model."""
    return ChatOpenAI(base_url=URL, api_key=key, model=name, max_retries=0, **more)


llm = model()
claude = ChatAnthropic(
    base_url=URL.removesuffix("/v1"), api_key=KEY, model="claude-sonnet-4-5", max_retries=0
)


class Contact(BaseModel):
    """What is asked for."""

    email: str


@tool
def send(to: str) -> str:
    """Sends a letter."""
    return f"sent to {to}"


def chat():
    return llm.invoke(HELLO).content


def stream():
    return "".join(chunk.content for chunk in llm.stream(HELLO))


async def asynchronous():
    return (await llm.ainvoke(HELLO)).content


def used(llm):
    """The answer after a tool was used."""
    able, messages = llm.bind_tools([send]), [HumanMessage(HELLO)]
    messages.append(able.invoke(messages))
    for call in messages[-1].tool_calls:
        messages.append(ToolMessage(send.invoke(call["args"]), tool_call_id=call["id"]))
    return able.invoke(messages).text


def tools():
    return used(llm)


def structured():
    return llm.with_structured_output(Contact).invoke(HELLO).email


def responses():
    return model(use_responses_api=True).invoke(HELLO).text


def responses_streamed():
    return "".join(chunk.text for chunk in model(use_responses_api=True).stream(HELLO))


def anthropic():
    return claude.invoke(HELLO).text


def anthropic_streamed():
    return "".join(chunk.text for chunk in claude.stream(HELLO))


def anthropic_tools():
    return used(claude)


def wrong_key():
    return model(key="gh-wrong").invoke(HELLO)


def unknown_model():
    return model("nobody").invoke(HELLO)


def blocked():
    return llm.invoke("the kryptonite plans")


def limited():
    return llm.invoke("limit me")


def provider_down():
    return llm.invoke("fall over")


def broken_stream():
    return "".join(chunk.content for chunk in llm.stream("break off"))


WORKS = (
    chat,
    stream,
    asynchronous,
    tools,
    structured,
    responses,
    responses_streamed,
    anthropic,
    anthropic_streamed,
    anthropic_tools,
)
FAILS = (wrong_key, unknown_model, blocked, limited, provider_down, broken_stream)
run((*WORKS, *FAILS))
