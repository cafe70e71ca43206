"""What checks may use of the world: counters in memory and Redis, models of the configuration."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from guardrails.conversation import Counter
from guardrails.counter import MemoryCounter
from guardrails.errors import PolicyError, Unavailable
from guardrails.policy import parse
from proxy.outside import Models, RedisCounter, outside, require_models
from tests.proxy.policies import policy
from tests.proxy.test_pipeline import ask, chat
from tests.proxy.test_vaults import redis_url
from tests.servers import Running, Script, Upstream, make_app, raw, served, whole

JUDGE = {
    "id": "advice",
    "check": "judge",
    "with": {"model": "gpt-real", "question": "Is it advice?"},
    "stages": ["input"],
    "action": "block",
    "timeout_ms": 5000,
}
CARD = {
    "id": "pii",
    "check": "pii",
    "with": {"entities": ["EMAIL_ADDRESS"]},
    "stages": ["input"],
    "action": "redact",
}


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.services)])
async def counter(request: pytest.FixtureRequest) -> AsyncIterator[Counter]:
    """Each kind of counter."""
    if request.param == "memory":
        yield MemoryCounter(time.monotonic)
    else:
        shared = RedisCounter(redis_url(), seconds=60)
        yield shared
        await shared.aclose()


async def test_every_count_of_many_at_once_is_counted(counter: Counter) -> None:
    """64 callers: each number from 1 to 64 is told to one of them, and names do not share."""
    name = secrets.token_hex(8)
    told = await asyncio.gather(*(counter.count(name, 60) for _ in range(64)))
    assert sorted(told) == list(range(1, 65))
    assert await counter.count(name + "x", 60) == 1


async def test_what_is_older_than_the_window_does_not_count(counter: Counter) -> None:
    """After the window it begins anew."""
    name = secrets.token_hex(8)
    assert [await counter.count(name, 0.2) for _ in range(3)] == [1, 2, 3]
    await asyncio.sleep(0.3)
    assert await counter.count(name, 0.2) == 1


async def test_a_redis_that_is_away_is_unavailable() -> None:
    """The rule that asked fails then, and blocks or not as it says."""
    away = RedisCounter("redis://127.0.0.1:1/0")
    with pytest.raises(Unavailable):
        await away.count("x", 1)
    await away.aclose()


def test_a_rule_that_asks_a_model_nobody_serves_is_refused_when_the_policy_is_loaded() -> None:
    """With the rule's line and the models there are."""
    text = "name: p\nrules:\n  - {id: j, check: judge, with: {model: gone, question: q}, stages: [input], action: flag}"
    with pytest.raises(PolicyError, match=r":3: rule 'j'.*'gone'.*Use one of: a, b"):
        require_models(parse(text), ["a", "b"])
    require_models(parse(text), ["gone"])


@pytest.fixture(scope="module")
def judging(_upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A proxy whose policy masks addresses and asks a model about every request."""
    base = f"http://127.0.0.1:{_upstream.port}/v1"
    folder: Path = tmp_path_factory.mktemp("judging")
    with served(make_app(folder, base, policy([CARD, JUDGE]))) as running:
        yield running


def _judging(answer: Script) -> Any:
    """A provider that judges with this answer, and says hello to everybody else."""

    def script(body: dict[str, Any]) -> Script:
        return answer if body["messages"][0]["role"] == "system" else whole()

    return script


@pytest.mark.parametrize(
    ("answer", "status", "code"),
    [
        (whole({"content": '{"answer":"no"}'}), 200, None),
        (whole({"content": '{"answer":"yes"}'}), 400, "content_filter"),
        (whole({"content": "hm"}), 400, "guardrail_unavailable"),
        (whole({"content": None}), 400, "guardrail_unavailable"),
        (raw(b"{"), 400, "guardrail_unavailable"),
        (raw(b'{"error":{"message":"no"}}', 500), 400, "guardrail_unavailable"),
    ],
    ids=["no", "yes", "nonsense", "no text", "no JSON", "error"],
)
def test_a_judge_decides_over_the_wire(
    judging: Running, upstream: Upstream, answer: Script, status: int, code: str | None
) -> None:
    """It sees the masked text only; what it blocks, or cannot judge, does not reach the provider."""
    upstream.script = _judging(answer)
    text = f"mail ada@example.com, case {status} {code} {id(answer)}"
    told = ask(judging, chat({"role": "user", "content": text}))
    assert told.status == status
    if code:
        assert told.error["code"] == code
    assert b"ada@example.com" not in b"".join(upstream.bodies)
    asked = [body for body in upstream.requests if body["messages"][0]["role"] == "system"]
    assert "[EMAIL_ADDRESS]" in asked[0]["messages"][1]["content"]
    assert len(upstream.bodies) - len(asked) == (status == 200)


def test_outside_takes_redis_where_it_is_named() -> None:
    """Else memory; the models are there either way."""
    router: Any = object()
    assert isinstance(outside(None, router).counter, MemoryCounter)
    here = outside("redis://127.0.0.1/9", router)
    assert isinstance(here.counter, RedisCounter)
    assert isinstance(here.models, Models)
