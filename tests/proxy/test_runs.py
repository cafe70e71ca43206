"""Runs: which exchanges belong together, by what, and that no key ever gets into another's."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from proxy.exchange import Exchange, Principal, new_id
from proxy.identity import Named, Source, asked, session_hash
from proxy.marks import Marks, SharedMarks
from proxy.runs import RETRY_S, Runs
from tests.proxy.exchanges import masked
from tests.proxy.policies import policy
from tests.proxy.test_pipeline import ask, chat
from tests.proxy.test_vaults import Clock, redis_url
from tests.servers import Running, Upstream, make_app, served, whole

KEY = b"k" * 32
USER = {"role": "user", "content": "Where is my order?"}
LONG = "Your order has left the house this morning and will be with you soon."


class Bench:
    """Runs under a clock, and requests to try them with."""

    def __init__(self, shared: SharedMarks | None = None) -> None:
        self.clock, self.begun = Clock(), Counter[str]()
        self.runs = Runs(
            KEY, Marks(3600, self.clock), shared, lambda source: self.begun.update([str(source)])
        )

    async def step(self, *messages: dict[str, Any], reply: Any = "ok", **over: Any) -> Exchange:
        """A finished exchange. `reply` is a text, a message, or None for a failure."""
        exchange: Exchange = masked(**over)
        if "request" not in over:
            exchange.request = {"messages": list(messages)}
        if reply is None:
            exchange.failure = over.get("failure") or _failure()
        else:
            message = reply if isinstance(reply, dict) else {"role": "assistant", "content": reply}
            exchange.told = {"choices": [{"message": message}], "output": [], "content": []}
        self.runs.look(exchange)
        await self.runs.settle(exchange)
        return exchange


def _failure() -> Any:
    from proxy.exchange import Failure

    return Failure(503, "server_error", None, "m")


def _said(text: str) -> dict[str, Any]:
    return {"role": "assistant", "content": text}


def _user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def _calls(id: str) -> dict[str, Any]:
    call = {"id": id, "type": "function", "function": {"name": "look", "arguments": "{}"}}
    return {"role": "assistant", "content": None, "tool_calls": [call]}


def _result(id: str) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": id, "content": "found"}


async def test_a_history_goes_on_with_its_run() -> None:
    """Whatever is put between its turns for the system, in whatever form texts are sent again."""
    bench = Bench()
    first = await bench.step({"role": "system", "content": "It is 10:41."}, USER, reply=" Which one? ")
    parts = {"role": "user", "content": [{"type": "text", "text": USER["content"]}]}
    second = await bench.step(
        {"role": "system", "content": "It is 10:42."}, parts, _said("Which one?"), _user("the first"),
        {"role": "system", "content": "Be short."},
    )  # fmt: skip

    assert (first.run_id, first.run_source) == (first.id, "none")
    assert (second.run_id, second.run_source) == (first.id, "prefix")
    assert bench.begun == {"none": 1}


async def test_runs_with_the_same_question_are_told_apart_by_what_was_answered() -> None:
    """Asked again from the beginning, a question begins a run."""
    bench = Bench()
    one = await bench.step(USER, reply="Which one?")
    two = await bench.step(USER, reply="When did you order?")
    goes_on = await bench.step(USER, _said("Which one?"), _user("x"))

    assert one.run_id != two.run_id
    assert goes_on.run_id == one.run_id


async def test_runs_alike_word_for_word_are_gone_on_with_once_each() -> None:
    """The newest that nobody has gone on from yet."""
    bench = Bench()
    one, two = [await bench.step(USER, reply="Which one?") for _ in range(2)]
    goes_on = [await bench.step(USER, _said("Which one?"), _user("x")) for _ in range(2)]

    assert [step.run_id for step in goes_on] == [two.run_id, one.run_id]


async def test_a_regenerated_or_edited_turn_stays_in_its_run() -> None:
    """Nothing but the first question can be asked twice without belonging together."""
    bench = Bench()
    first = await bench.step(USER, reply="Which one?")
    history = (USER, _said("Which one?"))
    again = [await bench.step(*history, _user(text)) for text in ("x", "x", "y")]

    assert {step.run_id for step in again} == {first.run_id}


async def test_a_request_that_failed_is_sent_again_in_its_run() -> None:
    """Within two minutes; the next equal question is another run."""
    bench = Bench()
    failed = await bench.step(USER, reply=None)
    retried = await bench.step(USER)
    another = await bench.step(USER, reply=None)
    bench.clock.now += RETRY_S + 1
    late = await bench.step(USER)

    assert retried.run_id == failed.run_id
    assert len({failed.run_id, another.run_id, late.run_id}) == 3


async def test_a_tool_result_belongs_to_the_run_that_called() -> None:
    """Also when the beginning of the history is gone."""
    bench = Bench()
    first = await bench.step(USER, reply=_calls("call_9f"))
    second = await bench.step(_calls("call_9f"), _result("call_9f"), reply=LONG)
    third = await bench.step(_said(LONG), _user("thanks"))

    assert (second.run_id, second.run_source) == (first.run_id, "tool_call")
    assert (third.run_id, third.run_source) == (first.run_id, "prefix")


async def test_numbered_tool_calls_do_not_join_runs() -> None:
    """Where each run has its `call_1`, the history decides."""
    bench = Bench()
    one = await bench.step(_user("a"), reply=_calls("call_1"))
    two = await bench.step(_user("b"), reply=_calls("call_1"))
    answers = [await bench.step(_user(q), _calls("call_1"), _result("call_1")) for q in "ab"]

    assert [step.run_id for step in answers] == [one.run_id, two.run_id]
    assert {step.run_source for step in answers} == {"prefix"}


async def test_a_run_that_is_idle_for_too_long_is_over() -> None:
    """What comes then begins another."""
    bench = Bench()
    first = await bench.step(USER, reply="Which one?")
    bench.clock.now += 3601
    assert (await bench.step(USER, _said("Which one?"), _user("x"))).run_id != first.run_id


async def test_a_named_session_is_one_run_whatever_it_says() -> None:
    """Its hash is kept, not the name; header, vendor's header and metadata mean the same session."""
    bench = Bench()
    name = "ada@example.com"
    steps = [
        await bench.step(USER, named=Named(Source.HEADER, name)),
        await bench.step(_user("other"), named=Named(Source.VENDOR_HEADER, name)),
        await bench.step(request={"messages": [USER], "metadata": {"session_id": name}}),
    ]

    assert {step.run_id for step in steps} == {steps[0].run_id}
    assert {step.session_id for step in steps} == {session_hash(KEY, "default", name)}
    assert [step.run_source for step in steps] == ["header", "vendor_header", "metadata"]
    assert bench.begun == {"header": 1}


async def test_a_response_goes_on_with_the_run_of_the_one_before() -> None:
    """However that began; a response nobody here knows begins a run that others can join."""
    bench = Bench()
    path = "/v1/responses"
    first = await bench.step(path=path, request={"input": "hi"}, response_id="resp_1")
    second = await bench.step(
        path=path, request={"input": "on", "previous_response_id": "resp_1"}, response_id="resp_2"
    )
    third = await bench.step(path=path, request={"input": "on", "previous_response_id": "resp_2"})
    lost = [
        await bench.step(path=path, request={"input": "x", "previous_response_id": "resp_0"}) for _ in "ab"
    ]
    talks = [
        await bench.step(path=path, request={"input": "x", "conversation": c}) for c in ("c1", {"id": "c1"})
    ]

    assert {second.run_id, third.run_id} == {first.run_id}
    assert second.run_source == "response_chain"
    assert lost[0].run_id == lost[1].run_id != first.run_id
    assert talks[0].run_id == talks[1].run_id
    assert bench.begun == {"none": 1, "response_chain": 2}


async def test_a_trace_is_one_run_whichever_span_asks() -> None:
    """Only the trace id counts; a trace that we began ourselves is none of the caller's."""
    bench = Bench()
    trace = "0af7651916cd43dd8448eb211c80319c"
    steps = [await bench.step(_user(text), trace_id=trace, parent_span="b" * 16) for text in "ab"]
    own = await bench.step(_user("a"), trace_id=trace)

    assert steps[0].run_id == steps[1].run_id != own.run_id
    assert steps[0].run_source == "trace"


@pytest.mark.parametrize("who", [Principal("key-2"), Principal("key-1", tenant="other")])
async def test_no_evidence_of_one_key_is_anothers(who: Principal) -> None:
    """The same session, chain, trace, tool call or history under another key is another run."""
    bench = Bench()
    ways: list[dict[str, Any]] = [
        {"named": Named(Source.HEADER, "s")},
        {"path": "/v1/responses", "request": {"input": "x", "previous_response_id": "resp_1"}},
        {"trace_id": "a" * 32, "parent_span": "b" * 16},
        {"request": {"messages": [USER, _calls("call_9f"), _result("call_9f")]}},
        {"request": {"messages": [USER, _said("Which one?"), _user("x")]}},
        {"request": {"messages": [_said(LONG), _user("x")]}},
    ]
    mine: set[str | None] = set()
    theirs: set[str | None] = set()
    for runs, principal in ((mine, Principal("key-1")), (theirs, who)):
        for reply in (_calls("call_9f"), "Which one?", LONG):
            runs.add((await bench.step(USER, reply=reply, principal=principal)).run_id)
        runs |= {(await bench.step(USER, principal=principal, **way)).run_id for way in ways}

    assert mine.isdisjoint(theirs)


async def test_who_is_not_known_belongs_to_nothing() -> None:
    """A request without a valid key has no run, and leaves no mark."""
    bench = Bench()
    exchange = await bench.step(USER, principal=None, named=Named(Source.HEADER, "s"))

    assert (exchange.run_id, exchange.session_id) == (None, None)
    assert not bench.begun


@pytest.mark.services
async def test_proxies_that_share_a_redis_group_alike() -> None:
    """A conversation that goes from one to the other is one run, and is counted once."""
    tenant = new_id()
    one, two = (Bench(SharedMarks(redis_url(), 60)) for _ in range(2))
    who = Principal("key-1", tenant=tenant)
    first = await one.step(USER, reply="Which one?", principal=who)
    named = await one.step(USER, named=Named(Source.HEADER, "s"), principal=who)
    await one.runs.aclose()
    second = await two.step(USER, _said("Which one?"), _user("x"), principal=who)
    again = await two.step(USER, named=Named(Source.HEADER, "s"), principal=who)

    assert second.run_id == first.run_id
    assert again.run_id == named.run_id
    assert two.begun == {}
    await two.runs.aclose()


async def test_a_redis_that_never_answers_costs_a_moment_at_most() -> None:
    """Memory then has to do."""

    class Silent(SharedMarks):
        async def found(self, keys: Any) -> Any:
            await asyncio.Event().wait()

    bench = Bench(Silent("redis://127.0.0.1:1/0", 60))
    first = await bench.step(USER, reply="Which one?")
    second = await bench.step(USER, _said("Which one?"), _user("x"))

    assert second.run_id == first.run_id
    await bench.runs.aclose()


def test_masked_conversations_are_one_run(tmp_path: Path, upstream: Upstream) -> None:
    """The caller's own values come back and are sent again: what is compared is what the caller sees."""
    upstream.script = lambda body: whole({"content": "Wrote to " + body["messages"][1]["content"]})
    app = make_app(tmp_path, f"http://127.0.0.1:{upstream.port}/v1", policy())
    with served(app) as running:
        asked = {"role": "user", "content": "ada@example.com"}
        ask(running, chat(asked))
        first = running.recorder.last()
        ask(running, chat(asked, _said("Wrote to ada@example.com"), _user("thanks")))
        second = running.recorder.last()
        ask(running, chat(asked))
        other = running.recorder.last()

    assert second["run_id"] == first["run_id"] != other["run_id"]
    assert second["run_source"] == "prefix"
    assert first["asked"] == other["asked"] != second["asked"]
    assert first["response_id"]


def test_no_name_and_no_text_is_in_the_record(proxy: Running, upstream: Upstream) -> None:
    """A session's name may be somebody's address."""
    ask(proxy, chat(), headers={"x-session-id": "ada.lovelace@example.com"})

    assert "lovelace" not in str(proxy.recorder.last())


def test_a_small_chat_is_grouped_at_little_cost() -> None:
    """CPU of one thread, the best of some rounds: a twentieth of a small chat is some 50 µs on a slow core."""

    async def rounds() -> float:
        bench, spent = Bench(), []
        for number in range(20):
            exchanges = [masked() for _ in range(50)]
            for each, exchange in enumerate(exchanges):
                exchange.request = {"messages": [_user(f"{LONG} {number}.{each}")]}
                exchange.told = {"choices": [{"message": _said(LONG)}]}
            began = time.thread_time()
            for exchange in exchanges:
                await bench.runs.settle(exchange)
            spent.append((time.thread_time() - began) / 50)
        return min(spent)

    assert asyncio.run(rounds()) < 300e-6


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("path", "asks"),
    [
        ("/v1/chat/completions", {"messages": [USER]}),
        ("/v1/responses", {"input": USER["content"]}),
        ("/v1/messages", {"messages": [USER], "max_tokens": 50}),
        ("/v1/completions", {"prompt": USER["content"]}),
    ],
)
def test_a_replys_id_and_the_text_asked_are_recorded(
    tmp_path: Path, path: str, asks: dict[str, Any], stream: bool
) -> None:
    """In every dialect, streamed or not; what was asked is the same hash in all of them."""
    models = [{"model_name": "m", "litellm_params": {"model": "fake/assistant"}}]
    with served(make_app(tmp_path, "", policy(), models)) as running:
        answer = ask(running, {"model": "m", "stream": stream, **asks}, path=path)
        kept = running.recorder.last()
        key = running.app.context.key

    assert answer.status == 200
    assert kept["response_id"].encode() in answer.body
    assert kept["asked"] == asked(key, "default", USER["content"])
    assert kept["run_id"] == kept["id"]
