"""Replies given again: to equal requests, for a while, and inspected each time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from proxy.cache import Replies
from proxy.providers.base import Reply
from tests.proxy.policies import policy
from tests.proxy.test_pipeline import ask, chat
from tests.servers import Running, Upstream, make_app, raw, served, whole

OK = Reply(200, {}, b"{}")


def test_a_reply_is_known_by_all_that_asked_for_it() -> None:
    """By value, not by the order of members; by who asks, and where."""
    kept = Replies(60)
    sent = {"model": "m", "messages": [{"role": "user", "content": "a"}]}
    key = kept.key(("t", "/v1/x", "p@1"), sent)
    assert key == kept.key(("t", "/v1/x", "p@1"), dict(reversed(sent.items())))
    others = [
        kept.key(("u", "/v1/x", "p@1"), sent),
        kept.key(("t", "/v1/y", "p@1"), sent),
        kept.key(("t", "/v1/x", "p@2"), sent),
        kept.key(("t", "/v1/x", "p@1"), {**sent, "seed": 1}),
    ]
    assert len({key, *others}) == 5


def test_time_size_and_status_bound_what_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """The ones asked for longest ago go first."""
    now = [0.0]
    kept = Replies(10, lambda: now[0])
    kept.put(b"a", OK)
    kept.put(b"error", Reply(500, {}, b""))
    kept.put(b"long", Reply(200, {}, b"x" * (1 << 21)))
    assert kept.get(b"a") is OK
    assert kept.get(b"error") is kept.get(b"long") is None
    now[0] = 10.0
    assert kept.get(b"a") is None
    monkeypatch.setattr("proxy.cache.MOST_BYTES", 5)
    for name in (b"a", b"b", b"a", b"c"):
        kept.put(name, Reply(200, {}, b"xx"))
    assert (kept.get(b"b"), kept.get(b"a") is None, kept.get(b"c") is None) == (None, False, False)
    assert Replies(0).off


@pytest.fixture(scope="module")
def caching(_upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A proxy that gives replies again."""
    app = make_app(
        tmp_path_factory.mktemp("cache"), f"http://127.0.0.1:{_upstream.port}/v1", policy(), cache_ttl_s=60
    )
    with served(app) as running:
        yield running


def test_an_equal_request_does_not_reach_the_provider(caching: Running, upstream: Upstream) -> None:
    """Its reply is restored for it, and the trace says where it came from."""
    upstream.script = lambda body: whole({"content": f"You are {body['messages'][-1]['content'][5:]}"})
    mine = chat({"role": "user", "content": "I am ada@example.com"})
    first, second = ask(caching, mine), ask(caching, mine)
    assert first.body == second.body
    assert b"You are ada@example.com" in first.body
    assert len(upstream.bodies) == 1
    assert "x-guardhouse-cache" not in first.headers
    assert second.headers["x-guardhouse-cache"] == "hit"
    assert [kept["provider"] for kept in caching.recorder.documents] == ["openai_wire", "cache"]
    ask(caching, {**mine, "temperature": 0})
    assert len(upstream.bodies) == 2


def test_errors_and_streams_are_asked_for_each_time(caching: Running, upstream: Upstream) -> None:
    """A refusal is not repeated for its own sake."""
    upstream.script = raw(b'{"error":{"message":"m","type":"t"}}', 400)
    for _ in range(2):
        assert ask(caching, chat({"role": "user", "content": "refused"})).status == 400
    assert len(upstream.bodies) == 2
    for _ in range(2):
        ask(caching, chat({"role": "user", "content": "streamed"}, stream=True))
    assert len(upstream.bodies) == 4
