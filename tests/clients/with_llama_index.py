"""LlamaIndex: its OpenAI models, and those of anything that speaks like OpenAI."""

from llama_index.core.llms import ChatMessage
from llama_index.core.prompts import PromptTemplate
from llama_index.core.tools import FunctionTool
from llama_index.llms.openai import OpenAI
from llama_index.llms.openai_like import OpenAILike
from pydantic import BaseModel
from told import HELLO, KEY, MODEL, URL, run


def model(name=MODEL, key=KEY):
    """A model."""
    return OpenAI(model=name, api_base=URL, api_key=key, max_retries=0)


llm = model()
like = OpenAILike(model=MODEL, api_base=URL, api_key=KEY, is_chat_model=True, max_retries=0)


class Contact(BaseModel):
    """What is asked for."""

    email: str


def said(text):
    """A conversation of one message."""
    return [ChatMessage(role="user", content=text)]


def chat():
    return llm.chat(said(HELLO)).message.content


def stream():
    return "".join(part.delta for part in llm.stream_chat(said(HELLO)))


async def asynchronous():
    return (await llm.achat(said(HELLO))).message.content


def tools():
    def send(to: str) -> str:
        """Sends a letter."""
        return f"sent to {to}"

    return llm.predict_and_call([FunctionTool.from_defaults(send)], HELLO).response


def structured():
    return llm.structured_predict(Contact, PromptTemplate("{text}"), text=HELLO).email


def openai_like():
    return like.chat(said(HELLO)).message.content


def openai_like_streamed():
    return "".join(part.delta for part in like.stream_chat(said(HELLO)))


def wrong_key():
    return model(key="gh-wrong").chat(said(HELLO))


def unknown_model():
    return OpenAILike(model="nobody", api_base=URL, api_key=KEY, is_chat_model=True, max_retries=0).chat(
        said(HELLO)
    )


def blocked():
    return llm.chat(said("the kryptonite plans"))


def limited():
    return llm.chat(said("limit me"))


def provider_down():
    return llm.chat(said("fall over"))


def broken_stream():
    return "".join(part.delta for part in llm.stream_chat(said("break off")))


WORKS = (chat, stream, asynchronous, tools, structured, openai_like, openai_like_streamed)
FAILS = (wrong_key, unknown_model, blocked, limited, provider_down, broken_stream)
run((*WORKS, *FAILS))
