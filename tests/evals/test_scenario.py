"""Scenarios over a real socket: turns, scripted tools, what goes wrong, and one agent run at a real proxy."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals import runner
from evals.chat import Reply
from evals.errors import Retryable, TargetError
from evals.journal import Journal
from evals.ledger import Prices, ledger
from evals.run import PromptRef, RunItem
from evals.runner import Plan, jobs
from evals.scenario import MOST_CALLS, Conversation, fits
from evals.scorer import build
from evals.types import Case, Expected, ExpectedCall, Output, ScriptedResult, ToolCall, Usage
from tests.evals.conftest import Answer, ChatServer, completion
from tests.evals.test_target import http
from tests.fixtures import _upstream, upstream
from tests.proxy.policies import policy
from tests.servers import ADMIN_KEY, Script, Upstream, make_app, served, whole

__all__ = ["_upstream", "upstream"]


def tool(name: str) -> dict[str, Any]:
    """A tool as a case offers it."""
    return {"type": "function", "function": {"name": name, "parameters": {"type": "object"}}}


def call(name: str, arguments: Any = None, id: str = "c1") -> dict[str, Any]:
    """A tool call as the model makes it."""
    text = arguments if isinstance(arguments, str) else json.dumps(arguments or {})
    return {"id": id, "type": "function", "function": {"name": name, "arguments": text}}


def scenario(*turns: str, **more: Any) -> Case:
    """A case of some turns with two tools."""
    return Case("c", "h", turns=turns, **({"tools": (tool("find"), tool("book"))} | more))


def says(*replies: Mapping[str, Any] | str) -> Callable[[dict[str, Any]], Answer]:
    """A model that gives these replies one after the other: a text, or a message's members."""
    left = list(replies)

    def answer(request: dict[str, Any]) -> Answer:
        reply = left.pop(0)
        message: dict[str, Any] = {"text": reply} if isinstance(reply, str) else {"text": None, **reply}
        usage = {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12}
        return 200, completion(**message) | {"usage": usage}, {}

    return answer


async def test_a_model_is_led_through_all_turns(chat: ChatServer) -> None:
    """Each request is the conversation so far; calls of one reply are answered in their order."""
    both = [call("find", {"city": "Oslo"}, "a"), call("find", {"city": "Rome"}, "b")]
    chat.script = says({"tool_calls": both}, "Rome is free.", {"tool_calls": [call("book")]}, "Booked.")
    script = (
        ScriptedResult("find", "full", {"city": "Oslo"}),
        ScriptedResult("find", "free", {"city": "Rome"}),
        ScriptedResult("book", '{"ok": true}'),
    )

    async with http(chat, system_prompt="Be kind.") as target:
        output = await target.ask(scenario("Oslo or Rome?", "Take it.", script=script))

    assert (output.text, output.error) == ("Booked.", "")
    assert [(made.name, made.arguments) for made in output.tool_calls] == [
        ("find", '{"city": "Oslo"}'),
        ("find", '{"city": "Rome"}'),
        ("book", "{}"),
    ]
    assert (output.usage, output.attempts) == (Usage(40, 8), 4)
    assert [message["role"] for message in output.transcript] == [
        *("user", "assistant", "tool", "tool", "assistant"),
        *("user", "assistant", "tool", "assistant"),
    ]
    last = chat.requests[-1]
    assert last["messages"] == [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "Oslo or Rome?"},
        {"role": "assistant", "content": None, "tool_calls": both},
        {"role": "tool", "tool_call_id": "a", "content": "full"},
        {"role": "tool", "tool_call_id": "b", "content": "free"},
        {"role": "assistant", "content": "Rome is free."},
        {"role": "user", "content": "Take it."},
        {"role": "assistant", "content": None, "tool_calls": [call("book")]},
        {"role": "tool", "tool_call_id": "c1", "content": '{"ok": true}'},
    ]
    assert [each["function"]["name"] for each in last["tools"]] == ["find", "book"]


async def test_results_come_in_order_and_the_last_stays(chat: ChatServer) -> None:
    """Two entries for one tool: the first call gets the first, every later one the second."""
    chat.script = says(*[{"tool_calls": [call("find")]}] * 3, "Done.")
    script = (ScriptedResult("find", "one"), ScriptedResult("find", "two"))

    async with http(chat) as target:
        output = await target.ask(scenario("Go.", script=script))

    told = [message["content"] for message in output.transcript if message["role"] == "tool"]
    assert told == ["one", "two", "two"]


@pytest.mark.parametrize(
    ("made", "told", "note"),
    [
        (call("fly"), "error: there is no such tool", "the case has no tool 'fly'"),
        (call("book"), "error: no result for these arguments", "no scripted result fits the call"),
        (call("find", {"city": "Bonn"}), "error: no result for these arguments", "no scripted result"),
        (call("find", "{"), "error: the arguments are not a JSON object", "no scripted result"),
        (call("find", "[]"), "error: the arguments are not a JSON object", "no scripted result"),
        (call("find", "[" * 100_000), "error: the arguments are not a JSON object", "no scripted result"),
    ],
)
async def test_a_call_without_a_result_is_told_to_the_model_and_noted(
    chat: ChatServer, made: dict[str, Any], told: str, note: str
) -> None:
    """An agent must be able to recover: the run goes on, the note stays out of the request."""
    chat.script = says({"tool_calls": [made]}, "Sorry.")
    script = (ScriptedResult("find", "x", {"city": "Oslo"}),)

    async with http(chat) as target:
        output = await target.ask(scenario("Go.", script=script))

    (result,) = [message for message in output.transcript if message["role"] == "tool"]
    assert (output.text, output.error, result["content"]) == ("Sorry.", "", told)
    assert note in result["note"]
    assert chat.requests[1]["messages"][-1] == {"role": "tool", "tool_call_id": "c1", "content": told}


async def test_going_round_in_circles_ends(chat: ChatServer) -> None:
    """After so many calls in one turn; each turn has as many."""
    chat.script = says("Hello.", *[{"tool_calls": [call("find")]}] * (MOST_CALLS + 1))

    async with http(chat) as target:
        output = await target.ask(scenario("Hi.", "Go.", script=(ScriptedResult("find", "again"),)))

    assert output.error == f"turn 2: no answer after {MOST_CALLS} model calls"
    assert (len(chat.requests), len(output.tool_calls), output.text) == (1 + MOST_CALLS, MOST_CALLS, "")


async def test_a_block_ends_the_conversation_with_its_verdict(chat: ChatServer) -> None:
    """What was said before stands in the transcript; the strictest verdict that was told counts."""
    replies = says({"tool_calls": [call("find")]})
    blocked = {"error": {"message": "no", "code": "content_filter"}}
    chat.script = lambda request: (
        (*replies(request)[:2], {"x-guardhouse-verdict": "redact"})
        if len(chat.requests) == 1
        else (400, blocked, {"x-guardhouse-verdict": "block", "x-guardhouse-trace-id": "t9"})
    )

    async with http(chat) as target:
        output = await target.ask(scenario("Go.", "More.", script=(ScriptedResult("find", "x"),)))

    assert (output.verdict, output.error, output.text, output.trace_id) == ("block", "", "", "t9")
    assert [message["role"] for message in output.transcript] == ["user", "assistant", "tool"]
    assert len(chat.requests) == 2


async def test_the_strictest_verdict_counts_wherever_it_was_told(chat: ChatServer) -> None:
    """A later `allow` does not undo a `redact`."""
    verdicts = ["flag", "redact", "allow"]
    chat.script = lambda request: (
        200,
        completion(),
        {"x-guardhouse-verdict": verdicts[len(chat.requests) - 1]},
    )

    async with http(chat) as target:
        output = await target.ask(scenario("1", "2", "3"))

    assert output.verdict == "redact"


async def test_a_call_that_fails_goes_on_where_it_stopped(chat: ChatServer) -> None:
    """The runner asks again; what was answered is not asked twice, and no entry of the script is lost."""
    replies = says({"tool_calls": [call("find")]}, {"tool_calls": [call("find")]}, "Done.")
    busy = {2, 3, 5}
    chat.script = lambda request: (
        (429, {}, {"retry-after": "0"}) if len(chat.requests) in busy else replies(request)
    )
    script = (ScriptedResult("find", "one"), ScriptedResult("find", "two"))
    case = scenario("Go.", script=script)

    async with http(chat) as target:
        for _ in busy:
            with pytest.raises(Retryable):
                await target.ask(case, 4)
        output = await target.ask(case, 4)
        asked = len(chat.requests)
        chat.script = says("Anew.")
        anew = await target.ask(case, 4)

    told = [message["content"] for message in output.transcript if message["role"] == "tool"]
    assert (output.text, told, output.attempts, asked) == ("Done.", ["one", "two"], 3, 6)
    assert (anew.text, len(anew.transcript)) == ("Anew.", 2)


async def test_another_failure_ends_it_with_the_turn(chat: ChatServer) -> None:
    """What happened so far is kept."""
    replies = says("Hello.")
    chat.script = lambda request: replies(request) if len(chat.requests) == 1 else (404, {}, {})

    async with http(chat) as target:
        output = await target.ask(scenario("Hi.", "Go."))

    assert (output.error, output.text) == ("turn 2: HTTP 404", "")
    assert [message["content"] for message in output.transcript] == ["Hi.", "Hello.", "Go."]


async def test_tokens_that_one_call_does_not_tell_are_not_told(chat: ChatServer) -> None:
    """A part would pass for the whole."""
    replies = says("One.")
    chat.script = lambda request: (
        replies(request) if len(chat.requests) == 1 else (200, completion("Two."), {})
    )

    async with http(chat) as target:
        output = await target.ask(scenario("1", "2"))

    assert (output.text, output.usage) == ("Two.", None)


@pytest.mark.parametrize("status", [400, 500])
async def test_tokens_of_a_scenario_that_fails_are_counted(
    chat: ChatServer, tmp_path: Path, status: int
) -> None:
    """Whether its call is refused or given up: the ledger has what the provider answered, and each request."""
    model = says("One.", "Two.")
    chat.script = lambda request: model(request) if len(chat.requests) < 3 else (status, {}, {})
    chat.models_status = 404

    with Journal(tmp_path / "j") as journal:
        async with http(chat) as target:
            plan = Plan(jobs([scenario("a", "b", "c"), Case("d", "h", question="?")], 1), "p", 1, tries=1)
            with suppress(TargetError):
                seen: list[RunItem] = []
                await runner.run(plan, target, [], journal, progress=seen.append)
    spent = ledger(seen, Prices(1.0, 1.0))

    assert (spent.prompt_tokens, spent.completion_tokens, spent.uncounted) == (20, 4, 0)
    assert (spent.failures, spent.attempts) == (2, len(chat.requests))
    assert spent.usd == 0.000024


async def test_a_rendered_prompt_stands_before_every_call(chat: ChatServer) -> None:
    """With the case's variables; another text than the file's is no output."""
    prompt = PromptRef("p", "2", "h" * 64)
    rendered = {"x-guardhouse-prompt-hash": "h" * 64}
    chat.script = lambda request: (200, completion(), rendered if len(chat.requests) == 1 else {})

    async with http(chat, prompt=prompt) as target:
        output = await target.ask(scenario("1", "2", variables={"tone": "kind"}))

    told = {"name": "p", "version": "2", "variables": {"tone": "kind"}}
    assert [request["guardhouse"]["prompt"] for request in chat.requests] == [told, told]
    assert output.error == "turn 2: the proxy does not know p@2: give it the file that --prompt names"


async def test_calls_are_scored_in_any_order(chat: ChatServer) -> None:
    """Those of all turns together."""
    chat.script = says({"tool_calls": [call("book")]}, "1", {"tool_calls": [call("find")]}, "2")
    expected = Expected(tool_calls=(ExpectedCall("find", {}), ExpectedCall("book", {})))
    script = (ScriptedResult("find", ""), ScriptedResult("book", ""))
    case = scenario("One", "Two", script=script, expected=expected)

    async with http(chat) as target:
        output = await target.ask(case)

    assert output.tool_calls == (ToolCall("book", "{}"), ToolCall("find", "{}"))
    assert (await build("tool_calls")(case, output)).value == 1.0


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=8,
)


@given(JSON, st.dictionaries(st.text(min_size=3, max_size=4), JSON, max_size=3))
def test_a_value_fits_itself_and_objects_may_have_more(value: Any, more: dict[str, Any]) -> None:
    """Members beside the wanted ones do no harm; lacking one does."""
    assert fits(value, value)
    assert fits({"a": value}, {"a": value} | more)
    assert not fits({"a": value, "b": 1}, {"a": value})


@pytest.mark.parametrize(
    ("wanted", "given"), [(True, 1), (0, False), ([1], [1, 2]), ({}, []), ([], {}), ("1", 1), (None, 0)]
)
def test_values_that_look_alike_do_not_fit(wanted: Any, given: Any) -> None:
    """True is not 1, a list is not longer, nothing is not zero."""
    assert not fits(wanted, given)


@given(
    st.lists(st.lists(st.booleans(), max_size=3), min_size=1, max_size=4),
    st.lists(st.booleans(), max_size=30),
)
def test_faults_on_the_way_change_nothing(plan: list[list[bool]], faults: list[bool]) -> None:
    """However often calls break off, the conversation is the one that it would have been without that."""
    case = scenario(
        *(f"turn {n}" for n in range(len(plan))),
        script=(
            ScriptedResult("find", "one"),
            ScriptedResult("find", "two"),
            ScriptedResult("book", "three"),
        ),
    )
    replies = [
        Reply(Output(text=""), {"role": "assistant", "tool_calls": [call("find" if find else "book")]})
        if find is not None
        else Reply(Output(text="Well."), {"role": "assistant", "content": "Well."})
        for turn in plan
        for find in (*turn, None)
    ]

    def played(broken: list[bool]) -> tuple[Output, list[int]]:
        left, faulty, sizes = [*replies], [*broken], []

        async def answer(said: Sequence[Mapping[str, Any]]) -> Reply:
            if faulty and faulty.pop():
                raise Retryable("HTTP 503")
            sizes.append(len(said))
            return left.pop(0)

        talk = Conversation(case)
        while True:
            try:
                return asyncio.run(talk.play(answer)), sizes
            except Retryable:
                continue

    assert played(faults) == played([])
    assert not played(faults)[0].error


def agent(body: dict[str, Any]) -> Script:
    """Calls its tool, then says what it found."""
    if body["messages"][-1]["role"] == "tool":
        return whole({"content": f"It says: {body['messages'][-1]['content']}"})
    number = sum(message["role"] == "user" for message in body["messages"])
    return whole({"content": None, "tool_calls": [call("find", {"n": number}, f"c{number}")]})


async def test_a_proxy_sees_one_agent_run_for_each_repeat(upstream: Upstream, tmp_path: Path) -> None:
    """All steps of a scenario share a run; another repeat, and another eval of the same case, have their own."""
    from evals.target import Ask, HttpTarget

    upstream.script = agent
    app = make_app(tmp_path, f"http://127.0.0.1:{upstream.port}/v1", policy())
    case = scenario("First?", "Second?", script=(ScriptedResult("find", "found"),))
    with served(app) as proxy:
        outputs = []
        for repeats in ((0, 1), (0,)):
            target = HttpTarget(proxy.url, ADMIN_KEY, Ask("gpt-test"))
            outputs += [await target.ask(case, repeat) for repeat in repeats]
            await target.aclose()
    traces = {each["id"]: each for each in proxy.recorder.documents}

    assert [output.text for output in outputs] == ["It says: found"] * 3
    assert {each["run_source"] for each in traces.values()} == {"header"}
    runs = [each["run_id"] for each in proxy.recorder.documents]
    assert [runs.count(run) for run in dict.fromkeys(runs)] == [4, 4, 4]
    assert len({traces[output.trace_id]["run_id"] for output in outputs}) == 3
