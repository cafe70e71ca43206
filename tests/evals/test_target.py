"""Targets: the official client against a scripted endpoint on a real socket."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.errors import Retryable, TargetError
from evals.run import PromptRef
from evals.target import Ask, HttpTarget, call_seed, messages, signature
from evals.types import Case, Hit, ToolCall, Usage
from tests.evals.conftest import ChatServer, completion

QUESTION = Case("c", "h", question="When?")
CHAT = Case("c", "h", messages=({"role": "user", "content": "Hi"},), tools=({"type": "function"},))


@dataclass
class Found:
    """A hit as a retriever gives it."""

    doc_id: str
    score: float
    text: str
    start: int | None = None
    end: int | None = None


class Shelf:
    """A retriever that always finds the same."""

    def search(self, query: str, k: int) -> list[Found]:
        """The first k of two."""
        return [Found("hours", 0.9, "Opens\nat 9.", 3, 15), Found("fees", 0.5, "Free.")][:k]


@asynccontextmanager
async def http(chat: ChatServer, retriever: Any = None, **how: Any) -> AsyncIterator[HttpTarget]:
    """A target on the scripted endpoint, closed afterwards."""
    asked = Ask(model="m", **({"timeout_s": 5.0} | how))
    target = HttpTarget(chat.base_url, "key", asked, retriever)
    yield target
    await target.aclose()


async def test_a_reply_is_an_output_with_what_the_headers_say(chat: ChatServer) -> None:
    """Text, usage, model, trace id and verdict; latency is measured."""
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    headers = {"x-guardhouse-trace-id": "t1", "x-guardhouse-verdict": "redact"}
    chat.script = lambda request: (200, completion("At 9.") | {"usage": usage}, headers)

    async with http(chat) as target:
        output = await target.ask(QUESTION)

    assert (output.text, output.usage, output.answered_model) == ("At 9.", Usage(3, 2), "scripted-1")
    assert (output.trace_id, output.verdict, output.error) == ("t1", "redact", "")
    assert output.latency_ms > 0
    assert output.hits is None


async def test_usage_that_is_not_told_is_none(chat: ChatServer) -> None:
    """Not told is not zero; a plain server reports no verdict."""
    async with http(chat) as target:
        output = await target.ask(QUESTION)

    assert (output.usage, output.verdict, output.trace_id) == (None, None, "")


@pytest.mark.parametrize("told", [float("nan"), float("inf"), 2.5, -1, None])
async def test_usage_that_is_not_a_whole_number_is_none(chat: ChatServer, told: Any) -> None:
    """A server's NaN or Infinity is not a count of tokens, and must not reach the run's documents."""
    usage = {"prompt_tokens": told, "completion_tokens": 2, "total_tokens": 5}
    chat.script = lambda request: (200, completion("At 9.") | {"usage": usage}, {})

    async with http(chat) as target:
        output = await target.ask(QUESTION)

    assert (output.text, output.usage, output.error) == ("At 9.", None, "")


async def test_hits_go_into_the_prompt_one_a_line(chat: ChatServer) -> None:
    """`[doc-id] text` lines above `Question:`; the hits are in the output with rank and span."""
    async with http(chat, Shelf(), system_prompt="Be brief.", temperature=0.0) as target:
        output = await target.ask(QUESTION)

    (request,) = chat.requests
    assert request["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "[hours] Opens at 9.\n[fees] Free.\nQuestion: When?"},
    ]
    assert request["temperature"] == 0.0
    assert "guardhouse" not in request
    assert output.hits == (Hit("hours", 0.9, "Opens\nat 9.", 1, 3, 15), Hit("fees", 0.5, "Free.", 2))


async def test_hits_are_sent_beside_the_prompt_only_when_asked(chat: ChatServer) -> None:
    """A foreign server may refuse an unknown field."""
    async with http(chat, Shelf(), send_hits=True, k=1) as target:
        await target.ask(QUESTION)
        await target.ask(CHAT)

    hits = [{"rank": 1, "doc_id": "hours", "score": 0.9, "text": "Opens\nat 9."}]
    assert chat.requests[0]["guardhouse"] == {"retrieval": {"query": "When?", "hits": hits}}
    assert "guardhouse" not in chat.requests[1]
    assert chat.requests[1]["tools"] == [{"type": "function"}]


async def test_tool_calls_come_as_the_model_wrote_them(chat: ChatServer) -> None:
    """Name and raw arguments; a null content is an empty text."""
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1'}}
    chat.script = lambda request: (200, completion(None, tool_calls=[call]), {})

    async with http(chat) as target:
        output = await target.ask(CHAT)

    assert (output.text, output.tool_calls) == ("", (ToolCall("f", '{"a": 1'),))


async def test_a_block_is_an_output_not_an_error(chat: ChatServer) -> None:
    """HTTP 400 with code content_filter is the guardrails' answer."""
    error = {
        "error": {"message": "no", "type": "invalid_request_error", "code": "content_filter", "param": None}
    }
    chat.script = lambda request: (400, error, {"x-guardhouse-trace-id": "t2"})

    async with http(chat) as target:
        output = await target.ask(QUESTION)

    assert (output.verdict, output.error, output.trace_id) == ("block", "", "t2")


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        (404, {"error": {"message": "x", "code": "model_not_found"}}, "HTTP 404 model_not_found"),
        (400, {"error": {"message": "x", "code": "bad"}}, "HTTP 400 bad"),
        (200, completion() | {"choices": []}, "no choices"),
        (200, {"hello": 1}, "no choices"),
        (200, "not json", "unreadable reply"),
        (200, "[]", "no choices"),
    ],
)
async def test_what_is_no_answer_is_an_error_in_the_output(
    chat: ChatServer, status: int, body: Any, says: str
) -> None:
    """Nothing is raised, and no text of the server is copied."""
    chat.script = lambda request: (status, body, {})

    async with http(chat) as target:
        output = await target.ask(QUESTION)

    assert says in output.error


async def test_a_server_error_is_one_try_that_may_be_made_again(chat: ChatServer) -> None:
    """The client tries once: whoever runs the eval decides how often, and counts."""
    chat.script = lambda request: (500, {"error": {"message": "x"}}, {"x-guardhouse-trace-id": "t3"})

    async with http(chat) as target:
        with pytest.raises(Retryable) as raised:
            await target.ask(QUESTION)

    assert (str(raised.value), raised.value.trace_id, raised.value.throttled) == ("HTTP 500", "t3", False)
    assert len(chat.requests) == 1


async def test_an_unreachable_target_is_told_by_the_probe() -> None:
    """One error with the address, the cause and what to do."""
    target = HttpTarget("http://127.0.0.1:9/v1", "", Ask(model="m"))

    with pytest.raises(TargetError, match=r"127\.0\.0\.1:9.*cannot be reached.*--base-url"):
        await target.probe()
    await target.aclose()


async def test_a_probe_accepts_any_server_that_answers(chat: ChatServer) -> None:
    """A server without a model list can be asked all the same."""
    chat.base_url = chat.base_url.replace("/v1", "/elsewhere")

    async with http(chat) as target:
        await target.probe()


def test_everything_that_may_change_an_output_is_in_the_signature() -> None:
    """Model, prompt, k, sampling, index, address; but not the key or the patience."""

    def signature(url: str = "http://a/v1", retriever: Any = None, **how: Any) -> str:
        return HttpTarget(url, "k", Ask(**({"model": "m"} | how)), retriever).ref.signature

    base = signature()
    others = [
        signature(model="n"),
        signature(system_prompt="p"),
        signature(k=9),
        signature(temperature=0.5),
        signature(index="i"),
        signature(send_hits=True),
        signature("http://b/v1"),
        signature(retriever=Shelf()),
    ]

    assert len({base, *others}) == 9
    assert signature(timeout_s=1.0) == base


def test_messages_of_a_chat_follow_the_system_prompt() -> None:
    """A case with messages is sent as it is."""
    assert messages(CHAT, "S", None) == [
        {"role": "system", "content": "S"},
        {"role": "user", "content": "Hi"},
    ]
    assert messages(QUESTION, "", ()) == [{"role": "user", "content": "Question: When?"}]


async def test_a_slow_answer_is_told_as_such(chat: ChatServer) -> None:
    """The client's timeout ends the call."""

    def slow(request: dict[str, Any]) -> tuple[int, Any, dict[str, str]]:
        time.sleep(0.12)
        return 200, completion(), {}

    chat.script = slow
    async with http(chat, timeout_s=0.05) as target:
        with pytest.raises(Retryable, match=r"no reply within 0\.05 s"):
            await target.ask(QUESTION)


PROMPT = PromptRef("p", "2", "h" * 64)
RENDERED = {"x-guardhouse-prompt-hash": "h" * 64}


async def test_a_prompt_of_the_proxys_is_named(chat: ChatServer) -> None:
    """Question and hits are variables, and what the case says of its own counts; messages follow the prompt."""
    chat.script = lambda request: (200, completion(), RENDERED)
    case = Case("c", "h", question="When?", variables={"tone": "kind", "question": "When, please?"})
    async with http(chat, Shelf(), prompt=PROMPT, k=1) as target:
        outputs = [await target.ask(each) for each in (QUESTION, case, CHAT)]

    passages = [{"doc_id": "hours", "text": "Opens at 9."}]
    told = [request["guardhouse"]["prompt"] for request in chat.requests]
    assert [request["messages"] for request in chat.requests] == [[], [], [{"role": "user", "content": "Hi"}]]
    assert told == [
        {"name": "p", "version": "2", "variables": {"question": "When?", "passages": passages}},
        {"name": "p", "version": "2", "variables": {**case.variables, "passages": passages}},
        {"name": "p", "version": "2", "variables": {}},
    ]
    assert [output.text for output in outputs] == ["fine"] * 3


@pytest.mark.parametrize(
    ("headers", "words"), [({}, "does not know"), ({"x-guardhouse-prompt-hash": "x"}, "another")]
)
async def test_another_prompt_is_no_output(chat: ChatServer, headers: dict[str, str], words: str) -> None:
    """A server that knows nothing of prompts, and a proxy with another file, are told apart."""
    chat.script = lambda request: (200, completion(), headers)
    async with http(chat, prompt=PROMPT) as target:
        output = await target.ask(QUESTION)

    assert words in output.error
    assert output.text == ""


async def test_the_prompt_is_part_of_the_signature(chat: ChatServer) -> None:
    """Runs without one keep the signature they had."""
    async with http(chat) as plain, http(chat, prompt=PROMPT) as named:
        assert plain.ref.signature != named.ref.signature


async def test_each_call_has_a_seed_of_its_own(chat: ChatServer) -> None:
    """It depends on the case's content and the repeat alone; without one none is sent."""
    async with http(chat, seed=7) as target:
        for repeat in (0, 1, 0):
            await target.ask(QUESTION, repeat)
    async with http(chat) as target:
        await target.ask(QUESTION)

    first, second, again, without = (request.get("seed") for request in chat.requests)
    assert first == again == call_seed(7, "h", 0) != second == call_seed(7, "h", 1)
    assert without is None


@given(st.integers(), st.text(max_size=64), st.integers(0, 10**6))
def test_a_seed_fits_in_31_bits(seed: int, sha256: str, repeat: int) -> None:
    """Servers take it for a signed 32-bit number; other seeds give other numbers."""
    made = call_seed(seed, sha256, repeat)

    assert 0 <= made < 2**31
    assert made == call_seed(seed, sha256, repeat)
    assert len({call_seed(seed + step, sha256, repeat) for step in range(5)}) == 5


async def test_seeds_are_part_of_the_signature(chat: ChatServer) -> None:
    """Answers to one seed are none to another; runs of before there were seeds keep their signature."""
    async with http(chat) as plain, http(chat, seed=1) as one, http(chat, seed=2) as two:
        assert len({target.ref.signature for target in (plain, one, two)}) == 3
    assert signature(Ask("m"), "http://a/v1", searches=False) == (
        "56c3dd8d65c0101ca2e64d7701b0d7de7f506a0d3c2b6f6ce210a59d4c4089ea"
    )
