"""Requests to a judge end with a reply or a reason, and each is paid for once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

from evals.errors import JudgeError
from evals.judging import rubrics
from evals.judging.endpoint import Answer, Endpoint, Settled
from evals.judging.purse import REPLY_TOKENS, Purse
from evals.judging.spec import JudgeSpec
from evals.ledger import Prices
from evals.types import Usage
from tests.evals.judging.judge_server import MODEL, JudgeServer, Reply, said

MESSAGES = [{"role": "system", "content": "Judge."}, {"role": "user", "content": "This."}]
FORM = rubrics.response_format(rubrics.load("answer"))


class Books:
    """What was paid."""

    def __init__(self) -> None:
        self.sent: list[Usage] = []
        self.lines: list[tuple[Usage | None, bool]] = []

    def __call__(self, expected: Usage) -> Settled:
        self.sent.append(expected)
        return lambda usage, answered: self.lines.append((usage, answered))


async def asked(
    bench: JudgeServer, times: int = 1, purse: Purse | None = None, **spec: Any
) -> tuple[list[Answer], Books]:
    """So many answers at once, and the books."""
    told = {"tries": 3, "timeout_s": 5.0, **spec}
    endpoint = Endpoint(JudgeSpec(bench.base_url, "j", **told), "k", purse or Purse(None, None, None))
    books = Books()
    try:
        calls = (endpoint.ask(MESSAGES, FORM, f"seed {n}", books) for n in range(times))
        return list(await asyncio.gather(*calls)), books
    finally:
        await endpoint.aclose()


def in_turn(*replies: Reply) -> Any:
    """A script that gives one after the other, the last over and over."""
    left: Iterator[Reply] = iter(replies)
    last = replies[-1]
    return lambda request: next(left, last)


GOOD = (200, said("yes"), {})


async def test_a_request_says_what_is_wanted(bench: JudgeServer) -> None:
    """Model, temperature, messages and the schema of the reply."""
    bench.script = in_turn(GOOD)

    [answer], books = await asked(bench)

    assert answer == Answer("yes", usage=Usage(100, 10), model=MODEL, calls=1)
    assert books.sent == [Usage(3, REPLY_TOKENS)]
    assert books.lines == [(Usage(100, 10), True)]
    [request] = bench.requests
    assert request == {"model": "j", "messages": MESSAGES, "temperature": 0.0, "response_format": FORM}


async def test_the_server_chooses_the_temperature_where_nobody_does(bench: JudgeServer) -> None:
    """Some models take none."""
    bench.script = in_turn(GOOD)

    await asked(bench, temperature=None)

    assert "temperature" not in bench.requests[0]


@pytest.mark.parametrize("status", [400, 422])
async def test_an_endpoint_that_takes_no_schema_is_asked_without(bench: JudgeServer, status: int) -> None:
    """Once it was found out, at once."""
    bench.script = lambda request: (
        (status, {"error": {"message": "no"}}, {}) if "response_format" in request else GOOD
    )
    endpoint = Endpoint(JudgeSpec(bench.base_url, "j"), "k", Purse(None, None, None))
    books = Books()

    first = await endpoint.ask(MESSAGES, FORM, "a", books)
    second = await endpoint.ask(MESSAGES, FORM, "b", books)
    await endpoint.aclose()

    assert (first.text, first.calls, second.text, second.calls) == ("yes", 2, "yes", 1)
    assert books.lines == [(None, False), (Usage(100, 10), True), (Usage(100, 10), True)]


async def test_a_request_that_is_wrong_otherwise_is_told(bench: JudgeServer) -> None:
    """And the schema is not given up for it."""
    bench.script = lambda request: (400, {"error": {"message": "sk-secret", "code": "too_long"}}, {})

    [answer], _ = await asked(bench)

    assert (answer.text, answer.reason, answer.calls) == ("", "HTTP 400 too_long", 2)


@pytest.mark.parametrize(
    "trouble", [(500, "", {}), (429, "", {"retry-after": "0"}), (503, "", {}), (408, "", {})]
)
async def test_what_passes_is_tried_again(bench: JudgeServer, trouble: Reply) -> None:
    """Each request is in the books."""
    bench.script = in_turn(trouble, trouble, GOOD)

    [answer], books = await asked(bench)

    assert (answer.text, answer.calls) == ("yes", 3)
    assert [answered for _, answered in books.lines] == [False, False, True]


async def test_tries_end(bench: JudgeServer) -> None:
    """With the last reason."""
    bench.script = lambda request: (500, "", {})

    [answer], _ = await asked(bench, tries=2)

    assert (answer.text, answer.reason, answer.calls) == ("", "HTTP 500, the last of 2 tries", 2)


async def test_a_reply_that_does_not_come_is_given_up(bench: JudgeServer) -> None:
    """After its time."""
    bench.script, bench.delay_s = in_turn(GOOD), 1.0

    [answer], books = await asked(bench, tries=1, timeout_s=0.1)

    assert "no reply within 0.1 s" in answer.reason
    assert books.lines == [(None, True)]  # the model may have answered, and has to be paid then


async def test_a_provider_that_wants_a_long_rest_is_left_alone(bench: JudgeServer) -> None:
    """Nobody waits an hour for a ruling."""
    bench.script = lambda request: (429, "", {"retry-after": "3600"})

    [answer], _ = await asked(bench)

    assert answer.reason == "HTTP 429, and it asks to wait 3600 s"
    assert len(bench.requests) == 1


async def test_so_many_at_a_time_and_no_more(bench: JudgeServer) -> None:
    """However many want to know."""
    bench.script, bench.delay_s = in_turn(GOOD), 0.05

    answers, _ = await asked(bench, 12, concurrency=3)

    assert {answer.text for answer in answers} == {"yes"}
    assert bench.most_open == 3


async def test_a_limit_holds_for_tries_too(bench: JudgeServer) -> None:
    """Also when many ask at once."""
    bench.script = lambda request: (500, "", {})

    answers, books = await asked(bench, 6, Purse(4, None, None))

    assert len(bench.requests) == len(books.lines) == 4
    assert "the judge's limit of 4 calls is spent" in {answer.reason for answer in answers}


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refused_key_ends_it_all(bench: JudgeServer, status: int) -> None:
    """No other request could succeed."""
    bench.script = lambda request: (status, {"error": {"message": "bad key"}}, {})

    with pytest.raises(JudgeError, match="refuses the key: give it with --judge-key"):
        await asked(bench)


@pytest.mark.parametrize("key", ["ключ", "a\nb"])
def test_a_key_that_no_header_carries_is_refused(key: str) -> None:
    """And not shown."""
    with pytest.raises(JudgeError, match="characters that no header can carry") as told:
        Endpoint(JudgeSpec("http://127.0.0.1:9/v1", "j"), key, Purse(None, None, None))

    assert key not in str(told.value)


async def test_the_probe_says_whether_it_is_there(bench: JudgeServer) -> None:
    """Before anything is asked of a target."""
    await_probe = Endpoint(JudgeSpec(bench.base_url, "j"), "k", Purse(None, None, None))
    await await_probe.probe()
    await await_probe.aclose()
    gone = Endpoint(JudgeSpec("http://127.0.0.1:9/v1", "j"), "k", Purse(None, None, None))
    with pytest.raises(JudgeError, match=r"the judge at .+ cannot be reached"):
        await gone.probe()
    await gone.aclose()


@pytest.mark.parametrize(
    ("body", "reason"),
    [("<html>", "it is not JSON"), (json.dumps({"choices": []}), "no choices")],
)
async def test_a_page_that_is_no_endpoint_is_told(bench: JudgeServer, body: str, reason: str) -> None:
    """Without a word of it."""
    bench.script = lambda request: (200, body, {})

    [answer], _ = await asked(bench)

    assert reason in answer.reason and "html" not in answer.reason


async def test_guardrails_before_the_judge_are_told(bench: JudgeServer) -> None:
    """A proxy that blocks is no verdict."""
    bench.script = lambda request: (400, {"error": {"code": "content_filter", "message": "x"}}, {})

    [answer], _ = await asked(bench)

    assert answer.reason == "guardrails before the judge blocked the request"


@pytest.mark.parametrize(
    ("reply", "cost"),
    [
        ((200, said("yes", usage=None, model=None), {}), True),
        ((200, {"choices": []}, {}), True),
        ((200, "<html>", {}), True),
        ((404, "", {}), False),
        ((500, "", {}), False),
        ((400, {"error": {"code": "content_filter", "message": "x"}}, {}), False),
    ],
)
async def test_whatever_was_answered_may_cost(bench: JudgeServer, reply: Reply, cost: bool) -> None:
    """Also where neither tokens nor a model were told: it counts as it was expected to."""
    bench.script = in_turn(reply)

    _, books = await asked(bench, tries=1)

    assert set(books.lines) == {(None, cost)}


async def test_a_limit_in_dollars_holds_without_any_count(bench: JudgeServer) -> None:
    """Replies that tell nothing take what they were expected to take."""
    bench.script = in_turn((200, said("yes", usage=None, model=None), {}))
    each = Prices(1.0, 2.0).usd(3, REPLY_TOKENS)

    answers, _ = await asked(bench, 9, Purse(None, 4.5 * each, Prices(1.0, 2.0)))

    assert [answer.text for answer in answers].count("yes") == len(bench.requests) == 4


@pytest.mark.parametrize("concurrency", [1, 3, 16])
async def test_a_limit_does_not_depend_on_how_many_are_asked_at_a_time(
    bench: JudgeServer, concurrency: int
) -> None:
    """Money that is only set aside is waited for: replies take a tenth of what was expected."""
    bench.script = in_turn((200, said("yes", usage={"prompt_tokens": 0, "completion_tokens": 15}), {}))
    bench.delay_s = 0.02
    each = Prices(1.0, 2.0).usd(3, REPLY_TOKENS)

    answers, _ = await asked(bench, 12, Purse(None, 2.2 * each, Prices(1.0, 2.0)), concurrency=concurrency)

    assert [answer.text for answer in answers] == ["yes"] * 12


async def test_what_is_broken_off_stays_in_the_books(bench: JudgeServer) -> None:
    """It was sent before, and may have to be paid."""
    bench.script, bench.delay_s = in_turn(GOOD), 1.0
    endpoint = Endpoint(JudgeSpec(bench.base_url, "j"), "k", Purse(None, None, None))
    books = Books()
    asking = asyncio.ensure_future(endpoint.ask(MESSAGES, FORM, "a", books))
    while not bench.requests:
        await asyncio.sleep(0.01)

    assert (len(books.sent), books.lines) == (1, [])
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    await endpoint.aclose()

    assert books.lines == [(None, True)]


async def test_two_at_a_time_find_out_that_no_schema_is_taken(bench: JudgeServer) -> None:
    """Both are asked without, and one that fails then teaches nothing."""

    def script(request: dict[str, Any]) -> Reply:
        if "response_format" in request:
            return 400, {"error": {"message": "no"}}, {}
        return GOOD if request["messages"][1]["content"] == "This." else (500, "", {})

    bench.script, bench.delay_s = script, 0.05
    endpoint = Endpoint(JudgeSpec(bench.base_url, "j", tries=1), "k", Purse(None, None, None))
    other = [MESSAGES[0], {"role": "user", "content": "That."}]
    books = Books()

    good, bad = await asyncio.gather(
        endpoint.ask(MESSAGES, FORM, "a", books), endpoint.ask(other, FORM, "b", books)
    )
    again = await endpoint.ask(MESSAGES, FORM, "c", books)
    await endpoint.aclose()

    assert (good.text, bad.reason, again.text) == ("yes", "HTTP 500", "yes")
    assert (good.calls, bad.calls, again.calls) == (2, 2, 1)
