"""Bad input, whole: what no check can read, what is far too long or too deep, and checks that go wrong over it.

Each has one defined outcome, at the guard and through the running proxy, and nobody else waits for it.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import openai
import pytest

from guardrails.arguments import rewrite, segments
from guardrails.engine import Guard, load_guard
from guardrails.errors import PolicyError
from guardrails.policy import builtin, parse
from guardrails.types import Action, Segment, Stage
from tests.guardrails.installed import installed
from tests.proxy.policies import EMAIL, policy
from tests.proxy.test_pipeline import Answer, ask
from tests.servers import ADMIN_KEY, Running, Upstream, make_app, served, whole

LONG = 10_000_000
MAIL = "ada@example.com"


@pytest.fixture(scope="module")
def default() -> Guard:
    """The policy that ships with the product, given the time that a busy machine may take."""
    return load_guard(replace(builtin("default"), budget_ms=60_000), b"test")


@pytest.mark.parametrize(
    ("character", "times"), [("a", LONG), ("\ud800", LONG // 10)], ids=["letter", "surrogate"]
)
async def test_ten_million_of_one_character_are_read_to_the_end(
    default: Guard, character: str, times: int
) -> None:
    """What stands behind them is found, and not on the thread of the event loop."""
    loop, whole = time.thread_time(), time.process_time()

    verdict = await default.inspect([Segment(f"{character * times} {MAIL}", "/0", Stage.INPUT)])

    loop, whole = time.thread_time() - loop, time.process_time() - whole

    assert [(found.entity, found.start) for found in verdict.findings] == [("EMAIL_ADDRESS", times + 1)]
    assert verdict.failures == ()
    assert loop < whole / 2


@pytest.mark.parametrize("depth", [10, 500, 100_000])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")], ids=["lists", "objects"])
async def test_tool_arguments_may_be_nested_as_deeply_as_they_like(
    default: Guard, depth: int, opening: str, closing: str
) -> None:
    """What they hold, written plainly, is found and masked at every depth; no recursion, no failure."""
    text = opening * depth + f'"{MAIL}"' + closing * depth
    verdict = await default.inspect(segments(text, "/a", Stage.TOOL_CALL, "assistant"))

    assert verdict.failures == ()
    assert rewrite(text, verdict.edits) == text.replace(MAIL, "[EMAIL_ADDRESS]")


CATASTROPHES = [
    "(a+)+$",
    "(a|aa)+$",
    "(a|a)*b?c",
    "([a-z]+)*[0-9]",
    "(.*a){12}c",
    "(?:a{1,20}a{1,20}){1,20}c",
]
REFUSED = [r"(a)\1", "(?=a+)a+b", "(?<!a)b", "a*", "(?:a{1,1000}){1,1000}", "(", "(?P<x>a)(?P=x)"]


def ruled(regex: str) -> Guard:
    """A guard whose only rule is a regex of the user's."""
    options = json.dumps({"patterns": [{"name": "MINE", "regex": regex}]})
    rule = f"{{id: a, check: words, with: {options}, stages: [input], action: redact, timeout_ms: 30000}}"
    return load_guard(parse(f"name: p\nrules:\n  - {rule}\n"), b"test")


@pytest.mark.parametrize("regex", CATASTROPHES)
async def test_a_regex_that_backtracks_elsewhere_is_linear_here(regex: str) -> None:
    """Where Python's own engine would not end in a lifetime, the verdict is there."""
    verdict = await ruled(regex).inspect([Segment("a" * 5_000 + "!", "/0", Stage.INPUT)])

    assert verdict.failures == ()


@pytest.mark.parametrize("regex", REFUSED)
def test_a_regex_that_cannot_be_linear_is_refused(regex: str) -> None:
    """When the policy is loaded, with the rule's line."""
    with pytest.raises(PolicyError) as caught:
        ruled(regex)

    assert caught.value.line == 3


# --- through the proxy


@pytest.fixture(scope="module")
def _upstream() -> Iterator[Upstream]:
    provider = Upstream()
    yield provider
    provider.stop()


@pytest.fixture(scope="module")
def _proxy(_upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    mail = {"id": "mail", "check": "words", "with": {"patterns": [EMAIL]}, "action": "pseudonymize"}
    other = {"id": "other", "check": "trouble", "action": "flag", "timeout_ms": 1000}
    rules = [{**mail, "stages": ["input", "tool_call"]}, {**other, "stages": ["tool_result"]}]
    folder = tmp_path_factory.mktemp("proxy")
    with installed(tmp_path_factory.mktemp("installed")):
        app = make_app(
            folder, f"http://127.0.0.1:{_upstream.port}/v1", policy(rules), max_body_bytes=3 * LONG
        )
        with served(app) as running:
            yield running


@pytest.fixture
def upstream(_upstream: Upstream) -> Upstream:
    """A provider that has heard nothing yet."""
    _upstream.reset()
    return _upstream


@pytest.fixture
def proxy(_proxy: Running) -> Running:
    """A proxy with a check that goes wrong over what tools answer."""
    _proxy.recorder.forget()
    return _proxy


USER = {"role": "user", "content": "hi"}


def tool(answer: str, arguments: str = "{}") -> list[Any]:
    """Messages in which a tool was called, and answered."""
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": arguments}}
    asked = {"role": "assistant", "content": None, "tool_calls": [call]}
    return [USER, asked, {"role": "tool", "tool_call_id": "c", "content": answer}]


def create(proxy: Running, messages: list[Any]) -> Any:
    """A chat through the official client."""
    with openai.OpenAI(base_url=proxy.url, api_key=ADMIN_KEY, max_retries=0, timeout=60) as client:
        return client.chat.completions.create(model="gpt-test", messages=messages)


def body(text: bytes, name: bytes = b"content") -> bytes:
    """A request's bytes with these in a string of the last message."""
    return b'{"model": "gpt-test", "messages": [{"role": "user", "%s": "%s"}]}' % (name, text)


UNREADABLE = {
    "no UTF-8": body(b"caf\xe9 kill"),
    "cut short": body(b"kill \xf0\x9f\x98"),
    "overlong": body(b"kill \xc0\xaf"),
    "encoded surrogate": body(b"kill \xed\xa0\x80"),
    "high surrogate": body(b"kill \\ud83d"),
    "low surrogate": body(b"kill \\ude00"),
    "turned pair": body(b"kill \\ude00\\ud83d"),
    "surrogate in a name": body(b"kill", b"\\ud800"),
    "UTF-16": body(b"kill").decode().encode("utf-16"),
    "byte order mark": b"\xef\xbb\xbf" + body(b"kill"),
    "deep": b'{"model": "gpt-test", "messages": ' + b"[" * 200_000 + b"]" * 200_000 + b"}",
}


@pytest.mark.parametrize("sent", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_what_cannot_be_read_is_refused_before_anything_looks_inside(
    proxy: Running, upstream: Upstream, sent: bytes
) -> None:
    """400 in OpenAI's envelope, a trace without a finding or a failure, and no byte goes upstream."""
    answer: Answer = ask(proxy, sent)

    assert (answer.status, answer.error["code"], answer.error["type"]) == (
        400,
        "invalid_json",
        "invalid_request_error",
    )
    kept = proxy.recorder.last()
    assert (kept["outcome"], kept["findings"], kept["failures"]) == ("failed", [], [])
    assert b"kill" not in answer.body
    assert upstream.bodies == []


def test_ten_million_of_one_character_pass(proxy: Running, upstream: Upstream) -> None:
    """And what stands behind them comes back to the caller as it was, having left as a token."""
    upstream.script = lambda body: whole({"content": body["messages"][-1]["content"][-40:].split()[-1]})

    reply = create(proxy, [{"role": "user", "content": f"{'a' * LONG} {MAIL}"}])

    assert reply.choices[0].message.content == MAIL
    assert MAIL.encode() not in upstream.bodies[0]


@pytest.mark.parametrize("depth", [500, 100_000])
def test_deeply_nested_arguments_pass(proxy: Running, upstream: Upstream, depth: int) -> None:
    """They are a string to us: what they hold is masked, and they leave as they are otherwise."""
    create(proxy, tool("fine", '{"a":[' * depth + f'"{MAIL}"' + "]}" * depth))

    [sent] = upstream.requests
    arguments = next(each for each in sent["messages"] if "tool_calls" in each)["tool_calls"][0]["function"]
    assert MAIL not in arguments["arguments"]
    assert arguments["arguments"].startswith('{"a":[' * depth + '"EMAIL_')


@pytest.mark.parametrize(
    ("act", "kind", "reason"),
    [
        ("regex", "timeout", "TimeoutError"),
        ("kill", "unavailable", "WorkerDied"),
        ("raise", "error", "ValueError"),
        ("outside", "error", "BadResult"),
    ],
)
async def test_a_check_that_goes_wrong_refuses_its_request_and_no_other(
    proxy: Running, upstream: Upstream, act: str, kind: str, reason: str
) -> None:
    """The caller is told which rule could not check it, the trace how it failed; others are answered meanwhile."""
    refusing = asyncio.create_task(asyncio.to_thread(create, proxy, tool(f"{act} 4111 1111")))
    others = [await asyncio.to_thread(create, proxy, [USER]) for _ in range(5)]

    with pytest.raises(openai.BadRequestError) as caught:
        await refusing

    assert (caught.value.code, caught.value.type) == ("guardrail_unavailable", "invalid_request_error")
    assert "'other'" in caught.value.message
    assert [other.choices[0].message.content for other in others] == ["Hello!"] * 5
    assert len(upstream.bodies) == 5
    kept = [each for each in proxy.recorder.documents if each["failures"]]
    assert kept[0]["failures"] == [
        {
            "side": "input",
            "rule": "other",
            "check": "trouble",
            "kind": kind,
            "reason": reason,
            "action": Action.BLOCK,
        }
    ]
    assert "4111" not in json.dumps(kept)
    await recovered(proxy)


async def recovered(proxy: Running) -> None:
    """Returns when what tools answer is checked again."""
    for attempt in range(20):
        try:
            await asyncio.to_thread(create, proxy, tool("fine"))
        except openai.BadRequestError:
            assert attempt < 19
        else:
            return
