"""Replies given again: to equal requests, for a while, and inspected each time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from proxy.cache import CHOOSING, Replies, directives
from proxy.providers import anthropic_wire, openai_wire
from proxy.providers.base import Reply
from proxy.store.keys import create_key
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


@pytest.mark.parametrize(
    ("header", "asked_for"),
    [
        (None, set()),
        ("", {""}),
        ("no-store", {"no-store"}),
        ("private, No-Cache", {"private", "no-cache"}),
        ("max-age=0", {"max-age=0", "no-cache"}),
        ("max-age=60", {"max-age=60"}),
    ],
)
def test_a_caller_says_what_it_wants_of_the_cache(header: str | None, asked_for: set[str]) -> None:
    """As HTTP has it."""
    assert directives(header) == asked_for


def test_a_request_may_pass_by_the_cache(caching: Running, upstream: Upstream) -> None:
    """`no-cache` wants a new reply, which others get then; `no-store` leaves no trace in the cache."""
    said = iter("abcdef")
    upstream.script = lambda body: whole({"content": f"answer {next(said)}"})
    mine = chat({"role": "user", "content": "which one?"})

    def got(control: str | None = None) -> bytes:
        answer = ask(caching, mine, headers={"cache-control": control} if control else {})
        return answer.body.partition(b"answer ")[2][:1]

    assert [got("no-store"), got(), got(), got("no-store"), got()] == [b"a", b"b", b"b", b"c", b"b"]
    assert [got("no-cache"), got(), got("max-age=0"), got()] == [b"d", b"d", b"e", b"e"]


def test_what_chooses_an_answer_beside_the_body_is_part_of_the_key(
    caching: Running, upstream: Upstream
) -> None:
    """The headers that providers are sent."""
    sent = {*openai_wire.FORWARDED, *anthropic_wire.FORWARDED}
    assert {name.decode() for name in CHOOSING} == sent
    mine = chat({"role": "user", "content": "with headers"})
    for name in sorted(sent):
        for value in ("one", "two"):
            assert "x-guardhouse-cache" not in ask(caching, mine, headers={name: value}).headers
    assert ask(caching, mine, headers={name: value}).headers["x-guardhouse-cache"] == "hit"


def test_another_model_tenant_or_policy_gets_no_reply_that_is_not_its_own(
    _upstream: Upstream, upstream: Upstream, tmp_path: Path
) -> None:
    """A changed policy begins anew at once."""
    file = tmp_path / "policy.yaml"
    file.write_text(policy())
    base = f"http://127.0.0.1:{_upstream.port}/v1"
    app = make_app(tmp_path, base, json.dumps(str(file)), cache_ttl_s=60)
    mine = chat({"role": "user", "content": "for whom?"})
    tenants = {"k1": "one", "k2": "two", "k3": "two"}
    secrets = {name: create_key(app.context.store, name, tenant=of).secret for name, of in tenants.items()}
    with served(app) as running:

        def hit(key: str, body: dict[str, Any] = mine) -> bool:
            answer = ask(running, body, headers={"authorization": f"Bearer {secrets[key]}"})
            assert answer.status == 200
            return "x-guardhouse-cache" in answer.headers

        assert [hit("k1"), hit("k1"), hit("k2"), hit("k3")] == [False, True, False, True]
        assert [hit("k1", {**mine, "model": "gpt-real"}), hit("k1")] == [False, True]
        file.write_text(policy(block_style="refusal"))
        changed = ask(running, b"", path="/api/reload")
        assert changed.status == 200
        assert [hit("k1"), hit("k1")] == [False, True]


def test_what_a_provider_keeps_belongs_to_who_asked_for_it(caching: Running, upstream: Upstream) -> None:
    """A stored response has an id that is its maker's: each request gets its own."""
    upstream.script = raw(b'{"id":"r","object":"response","status":"completed","output":[]}')
    for more, calls in (({}, 2), ({"store": False}, 3), ({"store": False, "conversation": "c"}, 5)):
        for _ in range(2):
            body = {"model": "gpt-test", "input": "keep it", **more}
            assert ask(caching, body, path="/v1/responses").status == 200
        assert len(upstream.bodies) == calls
    upstream.script = whole()
    for _ in range(2):
        ask(caching, chat({"role": "user", "content": "keep it"}, store=True))
    assert len(upstream.bodies) == 7


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b'{"choices": []}', b'{"error": {"message": "busy"}}', b'{"choices": [{']
)
def test_what_is_no_answer_is_not_given_again(caching: Running, upstream: Upstream, body: bytes) -> None:
    """A provider that says nonsense once is asked again."""
    asked = chat({"role": "user", "content": f"no answer {len(body)}"})
    upstream.script = raw(body)
    assert ask(caching, asked).status == 502

    upstream.script = whole()

    assert ask(caching, asked).status == 200
